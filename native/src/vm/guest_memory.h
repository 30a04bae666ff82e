#ifndef KTSTR_VM_GUEST_MEMORY_H
#define KTSTR_VM_GUEST_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ktstr {

/** A run of guest-physical RAM. */
struct Segment {
    uint64_t address;
    uint64_t size;
    /** Host NUMA node its pages must come from; -1: any. */
    int host_node = -1;
};

struct MemoryOptions {
    /** 2 MiB pages from the host's reserve (MAP_HUGETLB). Sizes must be multiples of 2 MiB then. */
    bool huge_pages = false;
};

/**
 * The RAM of a machine: one mapping in which the segments follow each other.
 *
 * Shared by the VM and whoever reads guest memory; unmapped with the last of them. The layout is constant, so any
 * thread may look up addresses; the bytes are the guest's and change at any time.
 */
class GuestMemory {
  public:
    /** Throws Error: out of memory with the sizes, or invalid. */
    GuestMemory(std::vector<Segment> segments, const MemoryOptions &options);
    ~GuestMemory();
    GuestMemory(const GuestMemory &) = delete;
    GuestMemory &operator=(const GuestMemory &) = delete;

    uint8_t *data() const { return data_; }
    size_t size() const { return size_; }
    const std::vector<Segment> &segments() const { return segments_; }

    /** Where a guest-physical range is in this process; null when not all of it is RAM. It may go over from a segment
     * to its neighbour. */
    uint8_t *at(uint64_t address, uint64_t length) const;

    /** Gives the pages back to the host. The mapping stays and reads as zeroes. */
    void discard() const;

  private:
    void bind() const;
    void populate() const;

    std::vector<Segment> segments_;
    size_t size_ = 0;
    uint8_t *data_ = nullptr;
};

} // namespace ktstr

#endif
