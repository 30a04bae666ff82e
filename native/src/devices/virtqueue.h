#ifndef KTSTR_DEVICES_VIRTQUEUE_H
#define KTSTR_DEVICES_VIRTQUEUE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include <sys/uio.h>

#include "vm/guest_memory.h"

namespace ktstr {

/** Thrown if a driver breaks the rules; its device then stops until it is reset. */
class VirtqueueError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/** Buffers that the driver made available together: first those that the device reads, then those that it writes. */
struct Chain {
    uint16_t head = 0;
    std::vector<iovec> readable;
    std::vector<iovec> writable;
};

/** Returns the total size in bytes of a list of buffers. */
size_t total_bytes(const std::vector<iovec> &buffers);
/** Returns the part of a list of buffers from byte `from`, `count` bytes long (or less if the list ends before). */
std::vector<iovec> slice(const std::vector<iovec> &buffers, size_t from, size_t count);

/**
 * The device's side of a split virtqueue (virtio 1.2, 2.7). It belongs to the thread that holds the lock of its
 * transport. The driver may change guest memory at any time, so everything is read once and then checked.
 */
class Virtqueue {
  public:
    static constexpr uint16_t max_size = 128;

    struct Layout {
        uint16_t size = max_size;
        uint64_t descriptors = 0;
        uint64_t driver = 0;
        uint64_t device = 0;
        bool ready = false;
    };

    explicit Virtqueue(const GuestMemory &memory) : memory_(&memory) {}

    Layout layout;

    /** Begins at the driver's first buffers. Throws VirtqueueError if the layout is invalid. */
    void enable();
    void reset();

    /** Takes the next buffers, if there are any. Throws VirtqueueError. */
    std::optional<Chain> pop();
    /** Returns whether there are buffers. Throws VirtqueueError. */
    bool available();
    /** Puts popped buffers back as if they had not been taken. */
    void unpop() { next_available_--; }
    /** Returns buffers to the driver after `written` bytes were written to them. */
    void push(const Chain &chain, uint32_t written);
    /** Returns whether the driver must be interrupted for the buffers returned since the last call. */
    bool take_interrupt();

  private:
    uint16_t available_index() const;

    const GuestMemory *memory_;
    uint8_t *descriptors_ = nullptr;
    uint8_t *driver_ = nullptr;
    uint8_t *device_ = nullptr;
    uint16_t next_available_ = 0;
    uint16_t used_ = 0;
    bool pushed_ = false;
};

} // namespace ktstr

#endif
