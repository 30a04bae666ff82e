#ifndef KTSTR_VM_GUEST_MEMORY_H
#define KTSTR_VM_GUEST_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ktstr {

/** A contiguous range of guest-physical RAM. */
struct Segment {
    uint64_t address;
    uint64_t size;
    /** Host NUMA node that must provide its pages; -1: any. */
    int host_node = -1;
};

struct MemoryOptions {
    /** Use 2 MiB pages from the host's reserve (MAP_HUGETLB). Sizes must then be multiples of 2 MiB. */
    bool huge_pages = false;
};

/**
 * The RAM of a machine: one mapping that contains the segments one after another.
 *
 * It is shared by the VM and all readers of guest memory, and is unmapped with the last of them. The layout is
 * constant, so any thread may look up addresses; the bytes belong to the guest and change at any time.
 */
class GuestMemory {
  public:
    /** Throws Error: out_of_memory with the sizes, or invalid. */
    GuestMemory(std::vector<Segment> segments, const MemoryOptions &options);
    ~GuestMemory();
    GuestMemory(const GuestMemory &) = delete;
    GuestMemory &operator=(const GuestMemory &) = delete;

    uint8_t *data() const { return data_; }
    size_t size() const { return size_; }
    const std::vector<Segment> &segments() const { return segments_; }

    /** Returns the address of a guest-physical range in this process, or null if not all of it is RAM. The range may
     * span adjacent segments. */
    uint8_t *at(uint64_t address, uint64_t length) const;

    /** Returns the pages to the host. The mapping remains and reads as zeroes. */
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
