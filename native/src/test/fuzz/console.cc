// The bytes of a console in both directions, through buffers of any length and a host that takes them in pieces: all
// arrive once and in order, and nothing is written outside the buffers.
#include <sanitizer/asan_interface.h>

#include <vector>

#include "devices/virtio_console.h"
#include "devices/virtio_mmio.h"
#include "test/fuzz/input.h"
#include "vm/outbox.h"

using namespace ktstr;

namespace {

constexpr uint64_t table = 0x1000, available = 0x2000, used = 0x3000, buffers = 0x4000, queue_stride = 0x8000;
constexpr uint64_t place_bytes = 64, place_stride = 128, ram = 2 * queue_stride;
constexpr uint16_t entries = 16;

template <typename T> T load(const GuestMemory &memory, uint64_t address) {
    T value;
    std::memcpy(&value, memory.at(address, sizeof(value)), sizeof(value));
    return value;
}
template <typename T> void store(const GuestMemory &memory, uint64_t address, T value) {
    std::memcpy(memory.at(address, sizeof(value)), &value, sizeof(value));
}

void set_register(VirtioMmio &transport, uint64_t offset, uint32_t value) {
    transport.write(offset, reinterpret_cast<uint8_t *>(&value), 4);
}

/** One queue. Its chains are created once, from consecutive descriptors. */
class Queue {
  public:
    Queue(Input &input, const GuestMemory &memory, uint64_t base, bool writable) : memory_(memory), base_(base) {
        uint8_t *begin = memory.data() + base;
        __asan_poison_memory_region(begin, queue_stride);
        __asan_unpoison_memory_region(begin + table, 16UL * entries);
        __asan_unpoison_memory_region(begin + available, 4 + 2UL * entries);
        __asan_unpoison_memory_region(begin + used, 4 + 8UL * entries);
        uint16_t chains = 0;
        for (uint16_t i = 0; i < entries; i++) {
            uint8_t kind = input.byte();
            uint32_t length = kind & 0x3f;
            uint64_t address = buffers + i * place_stride + place_bytes - length;
            bool more = kind & 0x40 && i + 1 < entries;
            __asan_unpoison_memory_region(begin + address, length);
            if (begins_)
                store<uint16_t>(memory, base + available + 4 + 2UL * chains++, i);
            begins_ = !more;
            store(memory, base + table + 16UL * i, base + address);
            store(memory, base + table + 16UL * i + 8, length);
            store<uint16_t>(memory, base + table + 16UL * i + 12, (more ? 1 : 0) | (writable ? 2 : 0));
            store<uint16_t>(memory, base + table + 16UL * i + 14, i + 1);
            for (uint32_t at = 0; at < length; at++)
                all_.push_back(memory.data() + base + address + at);
            if (!more)
                ends_.push_back(all_.size());
        }
        count_ = chains;
        store(memory, base + available + 2, chains);
    }
    ~Queue() { __asan_unpoison_memory_region(memory_.data() + base_, queue_stride); }

    void attach(VirtioMmio &transport, uint32_t number) const {
        set_register(transport, 0x30, number);
        set_register(transport, 0x38, entries);
        set_register(transport, 0x80, static_cast<uint32_t>(base_ + table));
        set_register(transport, 0x90, static_cast<uint32_t>(base_ + available));
        set_register(transport, 0xa0, static_cast<uint32_t>(base_ + used));
        set_register(transport, 0x44, 1);
    }
    uint16_t count() const { return count_; }
    uint16_t given_back() const { return load<uint16_t>(memory_, base_ + used + 2); }
    uint64_t written() const {
        uint64_t sum = 0;
        for (uint16_t i = 0; i < given_back(); i++)
            sum += load<uint32_t>(memory_, base_ + used + 8 + 8UL * i);
        return sum;
    }
    /** Returns every byte of the buffers, in the order of the chains. */
    const std::vector<uint8_t *> &bytes() const { return all_; }
    /** Returns the bytes that the device says it wrote, in its order; all others must still be `untouched`. */
    std::vector<uint8_t> taken(uint8_t untouched) const {
        std::vector<uint8_t> found;
        size_t at = 0;
        for (uint16_t i = 0; i < count_; i++) {
            size_t length = i < given_back() ? load<uint32_t>(memory_, base_ + used + 8 + 8UL * i) : 0;
            must(length <= ends_[i] - at);
            for (size_t stop = at + length; at < stop; at++)
                found.push_back(*all_[at]);
            for (; at < ends_[i]; at++)
                must(*all_[at] == untouched);
        }
        return found;
    }

  private:
    const GuestMemory &memory_;
    const uint64_t base_;
    uint16_t count_ = 0;
    bool begins_ = true;
    std::vector<uint8_t *> all_;
    std::vector<size_t> ends_; // end of each chain in all_
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input(data, size);
    GuestMemory memory({{0, ram}}, {});
    Queue receive(input, memory, 0, true), transmit(input, memory, queue_stride, false);
    uint8_t number = 0;
    for (uint8_t *byte : transmit.bytes())
        *byte = ++number;
    // No byte that the host sends is 255.
    for (uint8_t *byte : receive.bytes())
        *byte = 255;
    std::vector<uint8_t> got;
    size_t room = input.byte() & 0x1f;
    VirtioConsole console({[&](const uint8_t *bytes, size_t count) {
                               size_t taken = std::min(count, room);
                               got.insert(got.end(), bytes, bytes + taken);
                               room -= taken;
                               return Outbox::Appended{taken, room > 0};
                           },
                           [] {}});
    VirtioMmio transport(console, memory, [] {});
    set_register(transport, 0x24, 1);
    set_register(transport, 0x20, 1);
    set_register(transport, 0x70, 11);
    receive.attach(transport, 0);
    transmit.attach(transport, 1);
    set_register(transport, 0x70, 15);
    std::vector<uint8_t> sent;
    // Each turn of the host makes room for at least one byte, so this many turns suffice.
    for (size_t turn = 0; turn < 2100 && (turn < 8 || transmit.given_back() < transmit.count()); turn++) {
        uint8_t some[64];
        size_t count = turn < 8 ? input.byte() & 0x3f : 0;
        for (size_t i = 0; i < count; i++)
            some[i] = static_cast<uint8_t>((sent.size() + i) % 255);
        sent.insert(sent.end(), some, some + count);
        console.receive(some, count);
        transport.serve();
        room += 1 + (input.byte() & 0x1f);
        console.output_room();
    }
    transport.serve();
    must(transmit.given_back() == transmit.count() && transmit.written() == 0 && got.size() == transmit.bytes().size());
    number = 0;
    for (uint8_t byte : got)
        must(byte == ++number);
    // The bytes in the buffers and the waiting bytes are all that was sent, and no bytes wait while there are buffers.
    size_t waiting = console.receive(nullptr, 0);
    std::vector<uint8_t> received = receive.taken(255);
    must(waiting <= sent.size() && received.size() == sent.size() - waiting);
    must(std::equal(received.begin(), received.end(), sent.begin()));
    must(waiting == 0 || receive.given_back() == receive.count());
    return 0;
}
