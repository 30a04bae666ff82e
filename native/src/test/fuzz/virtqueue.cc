// A disk's queue under a driver that builds valid or invalid chains, against a second implementation of the rules: what
// is rejected, and how much is returned. Guest memory that the device must not access is poisoned.
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "devices/virtio_block.h"
#include "devices/virtio_mmio.h"
#include "test/fuzz/input.h"

using namespace ktstr;

namespace {

constexpr uint64_t table = 0x1000, available = 0x2000, used = 0x3000, buffers = 0x4000;
/** Each descriptor has its own place, and its buffer ends at the end of that place. */
constexpr uint64_t place_bytes = 1100, place_stride = 2048;
constexpr uint16_t most_entries = 8;
constexpr uint64_t ram = buffers + most_entries * place_stride;
constexpr uint64_t sectors = 4;
constexpr size_t most_steps = 100;

struct Descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

template <typename T> T load(const GuestMemory &memory, uint64_t address) {
    T value;
    std::memcpy(&value, memory.at(address, sizeof(value)), sizeof(value));
    return value;
}
template <typename T> void store(const GuestMemory &memory, uint64_t address, T value) {
    std::memcpy(memory.at(address, sizeof(value)), &value, sizeof(value));
}

/** Returns lengths at the boundaries of the parts of requests. */
uint32_t length_of(Input &input) {
    constexpr uint32_t usual[] = {16, 512, 1, 513, 1024, 1025, 20, 0};
    uint8_t kind = input.byte();
    uint32_t length = usual[kind & 7] + (kind & 8) / 8 - (kind & 16) / 16;
    return std::min<uint32_t>(length, place_bytes);
}

/** Checks that a queue is accepted exactly if its size and the boundaries of its parts are valid. */
void check_enable(Input &input, const GuestMemory &memory) {
    Virtqueue queue(memory);
    uint8_t power = input.byte();
    uint32_t size = (1U << power % 9) + (power & 0x80) / 0x80;
    uint64_t bytes[] = {size * 16UL, 6 + size * 2UL, 6 + size * 8UL}, alignment[] = {16, 2, 4};
    uint64_t address[3];
    bool right = size <= 128 && (size & (size - 1)) == 0;
    for (int part = 0; part < 3; part++) {
        uint8_t kind = input.byte();
        // In the middle, at the end, or a few bytes beyond the end.
        address[part] = kind & 1 ? 64UL * kind : (ram - bytes[part]) / alignment[part] * alignment[part];
        if (kind & 2)
            address[part] += (kind >> 2 & 3) * (kind & 16 ? 1 : alignment[part]);
        right = right && address[part] % alignment[part] == 0 && address[part] + bytes[part] <= ram;
    }
    queue.layout = {static_cast<uint16_t>(size), address[0], address[1], address[2], false};
    bool enabled = true;
    try {
        queue.enable();
    } catch (const VirtqueueError &) {
        enabled = false;
    }
    must(enabled == right);
}

/** Checks the rules for parts of lists of buffers, byte by byte. */
void check_slice(Input &input) {
    static uint8_t bytes[64];
    std::vector<iovec> list(input.byte() % 4);
    std::vector<uint8_t *> all, got;
    size_t at = 0;
    for (iovec &buffer : list) {
        buffer = {bytes + at, input.byte() % 8U};
        for (size_t i = 0; i < buffer.iov_len; i++)
            all.push_back(bytes + at + i);
        at += 16;
    }
    size_t from = input.byte() % 24, count = input.byte() % 24;
    for (const iovec &buffer : slice(list, from, count)) {
        for (size_t i = 0; i < buffer.iov_len; i++)
            got.push_back(static_cast<uint8_t *>(buffer.iov_base) + i);
    }
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(from, all.size())));
    all.resize(std::min(count, all.size()));
    must(all == got && total_bytes(list) >= got.size());
}

class Driver {
  public:
    Driver(const GuestMemory &memory, VirtioMmio &transport, uint16_t size)
        : memory_(memory), transport_(transport), size_(size) {
        for (auto [offset, value] : std::initializer_list<std::pair<uint64_t, uint32_t>>{{0x70, 0},
                                                                                         {0x24, 1},
                                                                                         {0x20, 1},
                                                                                         {0x70, 11},
                                                                                         {0x30, 0},
                                                                                         {0x38, size},
                                                                                         {0x80, table},
                                                                                         {0x90, available},
                                                                                         {0xa0, used},
                                                                                         {0x44, 1},
                                                                                         {0x70, 15}})
            transport.write(offset, reinterpret_cast<const uint8_t *>(&value), 4);
        uint8_t *begin = memory.data();
        __asan_poison_memory_region(begin, ram);
        // The words after the rings belong to a feature that is not offered.
        __asan_unpoison_memory_region(begin + table, 16UL * size);
        __asan_unpoison_memory_region(begin + available, 4 + 2UL * size);
        __asan_unpoison_memory_region(begin + used, 4 + 8UL * size);
        for (uint16_t i = 0; i < most_entries; i++)
            __asan_unpoison_memory_region(begin + place(i), place_bytes);
    }
    ~Driver() { __asan_unpoison_memory_region(memory_.data(), ram); }

    void describe(Input &input) {
        auto index = static_cast<uint16_t>(input.byte() % size_);
        uint32_t length = length_of(input);
        uint8_t kind = input.byte();
        uint64_t address = place(index) + place_bytes - length;
        if (kind >= 0xf8)
            address = ram - length + 1;
        auto flags = static_cast<uint16_t>(kind & 3) | (kind >= 0xf0 && kind < 0xf8 ? 4 : 0);
        auto next = static_cast<uint16_t>(input.byte() % (size_ + 1));
        store(memory_, table + 16UL * index, Descriptor{address, length, static_cast<uint16_t>(flags), next});
    }
    /** Adds a header, `length` bytes and a status, like a driver. */
    void request(Input &input) {
        if (size_ < 4)
            return;
        uint8_t kind = input.byte();
        uint32_t types[] = {0, 1, 4, 8};
        uint32_t type = types[kind & 3];
        uint32_t length = length_of(input);
        store(memory_, place(0) + place_bytes - 16, type);
        store<uint64_t>(memory_, place(0) + place_bytes - 8, kind >> 4 & 7);
        auto writes = static_cast<uint16_t>(type == 1 ? 1 : 3);
        store(memory_, table, Descriptor{place(0) + place_bytes - 16, 16, 1, 1});
        store(memory_, table + 16, Descriptor{place(1) + place_bytes - length, length, writes, 2});
        store(memory_, table + 32, Descriptor{place(2) + place_bytes - 1, 1, 2, 0});
        offer(0);
    }
    void offer(uint16_t head) {
        auto index = load<uint16_t>(memory_, available + 2);
        store(memory_, available + 4 + 2UL * (index % size_), head);
        jump(1);
    }
    void jump(uint16_t by) {
        store(memory_, available + 2, static_cast<uint16_t>(load<uint16_t>(memory_, available + 2) + by));
    }

    void serve() {
        auto pending = static_cast<uint16_t>(load<uint16_t>(memory_, available + 2) - done_);
        uint16_t first = done_;
        bool alone = pending == 1;
        uint32_t readable = 0, writable = 0, expected = 0;
        if (!broken_ && pending > size_)
            broken_ = true;
        else
            for (; !broken_ && pending > 0; pending--) {
                broken_ = !well_formed(head(done_), readable, writable);
                if (!broken_ && alone)
                    expected = answer(writable);
                done_ += !broken_;
            }
        transport_.serve();
        uint32_t status;
        transport_.read(0x70, reinterpret_cast<uint8_t *>(&status), 4);
        must(((status & 64) != 0) == broken_);
        must(load<uint16_t>(memory_, used + 2) == done_);
        for (; first != done_; first++) {
            uint64_t entry = used + 4 + 8UL * (first % size_);
            must(load<uint32_t>(memory_, entry) == head(first));
            if (alone)
                must(load<uint32_t>(memory_, entry + 4) == expected);
        }
    }

  private:
    static uint64_t place(uint16_t index) { return buffers + index * place_stride; }
    uint16_t head(uint16_t index) const { return load<uint16_t>(memory_, available + 4 + 2UL * (index % size_)); }

    bool well_formed(uint16_t index, uint32_t &readable, uint32_t &writable) const {
        readable = writable = 0;
        bool writes = false;
        for (int left = size_; left > 0; left--) {
            if (index >= size_)
                return false;
            auto descriptor = load<Descriptor>(memory_, table + 16UL * index);
            if (descriptor.address + descriptor.length > ram || descriptor.address >= ram || descriptor.flags & 4)
                return false;
            if (writes && !(descriptor.flags & 2))
                return false;
            writes = descriptor.flags & 2;
            (writes ? writable : readable) += descriptor.length;
            if (!(descriptor.flags & 1))
                return readable >= 16 && writable > 0;
            index = descriptor.next;
        }
        return false;
    }

    /** Returns how many bytes a request writes. Its header may be split into pieces, which are joined. */
    uint32_t answer(uint32_t writable) const {
        uint8_t bytes[16];
        size_t have = 0;
        for (uint16_t index = head(done_); have < sizeof(bytes);) {
            auto descriptor = load<Descriptor>(memory_, table + 16UL * index);
            for (uint32_t i = 0; i < descriptor.length && have < sizeof(bytes); i++)
                bytes[have++] = load<uint8_t>(memory_, descriptor.address + i);
            index = descriptor.next;
        }
        uint32_t type;
        uint64_t sector;
        std::memcpy(&type, bytes, sizeof(type));
        std::memcpy(&sector, bytes + 8, sizeof(sector));
        uint32_t data = writable - 1;
        if (type == 0)
            return data % 512 == 0 && sector <= sectors && data / 512 <= sectors - sector ? writable : 1;
        return type == 8 ? 1 + std::min(data, 20U) : 1;
    }

    const GuestMemory &memory_;
    VirtioMmio &transport_;
    const uint16_t size_;
    uint16_t done_ = 0;
    bool broken_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int file = memfd_create("ktstr-fuzz", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    must(ftruncate(file, 0) == 0 && ftruncate(file, sectors * 512) == 0);
    Input input(data, size);
    GuestMemory memory({{0, buffers}, {buffers, ram - buffers}}, {});
    check_enable(input, memory);
    check_slice(input);
    VirtioBlock disk(path, [](const std::string &) { must(false); });
    VirtioMmio transport(disk, memory, [] {});
    Driver driver(memory, transport, static_cast<uint16_t>(1 << (input.byte() & 3)));
    for (size_t step = 0; step < most_steps && !input.empty(); step++) {
        uint8_t what = input.byte();
        switch (what % 8) {
        case 0:
        case 1:
            driver.describe(input);
            break;
        case 2:
        case 3:
            driver.request(input);
            break;
        case 4:
            driver.offer(what >> 4);
            break;
        case 5:
            if (what >= 0xf0)
                driver.jump(what & 8 ? 1 : 9);
            break;
        default:
            driver.serve();
        }
    }
    driver.serve();
    return 0;
}
