#include "devices/virtqueue.h"

#include <algorithm>
#include <cstring>

namespace ktstr {

namespace {

/** virtio 1.2, 2.7.5. */
struct Descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
constexpr uint16_t descriptor_next = 1;
constexpr uint16_t descriptor_write = 2;
constexpr uint16_t descriptor_indirect = 4;

/** virtio 1.2, 2.7.6 and 2.7.8: flags, index, then the ring. */
constexpr size_t ring_flags = 0;
constexpr size_t ring_index = 2;
constexpr size_t ring_entries = 4;
constexpr uint16_t no_interrupt = 1;

/** virtio 1.2, 2.7.5: maximum bytes of a chain; the device returns the number in 32 bits. */
constexpr uint64_t most_bytes = UINT32_MAX;

template <typename T> T load(const uint8_t *at) {
    T value;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

} // namespace

size_t total_bytes(const std::vector<iovec> &buffers) {
    size_t sum = 0;
    for (const iovec &buffer : buffers)
        sum += buffer.iov_len;
    return sum;
}

std::vector<iovec> slice(const std::vector<iovec> &buffers, size_t from, size_t count) {
    std::vector<iovec> part;
    for (const iovec &buffer : buffers) {
        if (from >= buffer.iov_len) {
            from -= buffer.iov_len;
            continue;
        }
        size_t length = std::min(count, buffer.iov_len - from);
        if (length == 0)
            break;
        part.push_back({static_cast<uint8_t *>(buffer.iov_base) + from, length});
        count -= length;
        from = 0;
    }
    return part;
}

void Virtqueue::enable() {
    if (layout.size == 0 || layout.size > max_size || (layout.size & (layout.size - 1)) != 0)
        throw VirtqueueError("queue size");
    // virtio 1.2, 2.7: alignment of the parts; rings end with an event word.
    if (layout.descriptors % 16 != 0 || layout.driver % 2 != 0 || layout.device % 4 != 0)
        throw VirtqueueError("queue alignment");
    descriptors_ = memory_->at(layout.descriptors, layout.size * sizeof(Descriptor));
    driver_ = memory_->at(layout.driver, ring_entries + layout.size * 2UL + 2);
    device_ = memory_->at(layout.device, ring_entries + layout.size * 8UL + 2);
    if (descriptors_ == nullptr || driver_ == nullptr || device_ == nullptr)
        throw VirtqueueError("queue outside RAM");
    next_available_ = 0;
    used_ = 0;
    pushed_ = false;
    layout.ready = true;
}

void Virtqueue::reset() {
    layout = Layout{};
    pushed_ = false;
}

uint16_t Virtqueue::available_index() const {
    uint16_t index = __atomic_load_n(reinterpret_cast<const uint16_t *>(driver_ + ring_index), __ATOMIC_ACQUIRE);
    if (static_cast<uint16_t>(index - next_available_) > layout.size)
        throw VirtqueueError("available index");
    return index;
}

bool Virtqueue::available() { return layout.ready && available_index() != next_available_; }

std::optional<Chain> Virtqueue::pop() {
    if (!available())
        return std::nullopt;
    Chain chain;
    chain.head = load<uint16_t>(driver_ + ring_entries + 2UL * (next_available_ % layout.size));
    uint16_t index = chain.head;
    uint64_t bytes = 0;
    for (unsigned count = 0;; count++) {
        // A chain longer than the queue contains a loop.
        if (index >= layout.size || count >= layout.size)
            throw VirtqueueError("descriptor chain");
        auto descriptor = load<Descriptor>(descriptors_ + index * sizeof(Descriptor));
        uint8_t *data = memory_->at(descriptor.address, descriptor.length);
        if (data == nullptr || descriptor.flags & descriptor_indirect)
            throw VirtqueueError("descriptor");
        bytes += descriptor.length;
        if (bytes > most_bytes)
            throw VirtqueueError("chain length");
        bool writable = descriptor.flags & descriptor_write;
        if (!writable && !chain.writable.empty())
            throw VirtqueueError("descriptor order");
        (writable ? chain.writable : chain.readable).push_back({data, descriptor.length});
        if (!(descriptor.flags & descriptor_next))
            break;
        index = descriptor.next;
    }
    next_available_++;
    return chain;
}

void Virtqueue::push(const Chain &chain, uint32_t written) {
    uint8_t *entry = device_ + ring_entries + 8UL * (used_ % layout.size);
    uint32_t id = chain.head;
    std::memcpy(entry, &id, sizeof(id));
    std::memcpy(entry + 4, &written, sizeof(written));
    used_++;
    __atomic_store_n(reinterpret_cast<uint16_t *>(device_ + ring_index), used_, __ATOMIC_RELEASE);
    pushed_ = true;
}

bool Virtqueue::take_interrupt() {
    if (!pushed_)
        return false;
    pushed_ = false;
    // The index must be visible before the driver's request for interrupts is read (virtio 1.2, 2.7.7.2).
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return !(load<uint16_t>(driver_ + ring_flags) & no_interrupt);
}

} // namespace ktstr
