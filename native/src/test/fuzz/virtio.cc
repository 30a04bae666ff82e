// Registers and queues of both virtio devices under an arbitrary driver: the input is a list of accesses, writes to
// guest memory, and turns of the devices' thread.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "devices/virtio_block.h"
#include "devices/virtio_console.h"
#include "devices/virtio_mmio.h"
#include "test/fuzz/input.h"
#include "vm/outbox.h"

using namespace ktstr;

namespace {

constexpr uint64_t ram = 1UL << 16;
constexpr size_t most_steps = 400;

/** Does the usual set-up of a driver, so that the fuzzer need not find it. */
void begin(VirtioMmio &transport, uint32_t queues) {
    auto out = [&](uint64_t offset, uint32_t value) {
        transport.write(offset, reinterpret_cast<uint8_t *>(&value), 4);
    };
    out(0x70, 0);
    out(0x24, 1);
    out(0x20, 1);
    out(0x70, 11);
    for (uint32_t queue = 0; queue < queues; queue++) {
        out(0x30, queue);
        out(0x38, 8);
        out(0x80, 0x1000 + queue * 0x4000);
        out(0x90, 0x2000 + queue * 0x4000);
        out(0xa0, 0x3000 + queue * 0x4000);
        out(0x44, 1);
    }
    out(0x70, 15);
}

void drive(Input &input, VirtioMmio &transport, const GuestMemory &memory, uint32_t queues) {
    begin(transport, queues);
    for (size_t step = 0; step < most_steps && !input.empty(); step++) {
        uint8_t data[8] = {};
        size_t size = size_t{1} << (input.byte() & 3);
        // Most often a register, or the beginning of the configuration.
        uint32_t where = input.word();
        uint64_t offset = where >> 24 & 7 ? where % 0x44 * 4 : where & 0xfff;
        switch (input.byte() % 6) {
        case 0:
            input.bytes(data, size);
            // Queue numbers, feature halves and sizes are small.
            if (where >> 27 & 1) {
                std::memset(data + 1, 0, 7);
                data[0] &= 0x1f;
                size = 4;
            }
            transport.write(offset, data, size);
            break;
        case 1:
            transport.read(offset, data, size);
            break;
        case 2: {
            // A descriptor, or anything else at the beginning of memory.
            uint64_t at = input.word();
            if (uint8_t *to = memory.at(at, size))
                input.bytes(to, size);
            break;
        }
        case 3: {
            struct {
                uint64_t address;
                uint32_t length;
                uint16_t flags, next;
            } descriptor{input.word(), input.word(), static_cast<uint16_t>(input.byte() & 7), input.byte()};
            std::memcpy(memory.at(0x1000 + (offset & 1) * 0x4000 + (offset >> 4 & 7) * 16, 16), &descriptor, 16);
            break;
        }
        case 4: {
            uint64_t ring = 0x2000 + (offset & 1) * 0x4000;
            uint16_t index;
            std::memcpy(&index, memory.at(ring + 2, 2), 2);
            *memory.at(ring + 4 + 2 * (index % 8), 1) = input.byte();
            index++;
            std::memcpy(memory.at(ring + 2, 2), &index, 2);
            transport.serve();
            break;
        }
        default:
            transport.serve();
        }
    }
    transport.serve();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int file = memfd_create("ktstr-fuzz", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    must(ftruncate(file, 0) == 0 && ftruncate(file, 64 * 512) == 0);
    Input input(data, size);
    GuestMemory memory({{0, ram}}, {});
    uint8_t kind = input.byte();
    if (kind & 1) {
        VirtioBlock disk(path, [](const std::string &) { must(false); });
        VirtioMmio transport(disk, memory, [] {});
        drive(input, transport, memory, 1);
        return 0;
    }
    Outbox outbox([] {});
    size_t room = kind >> 1;
    VirtioConsole console({[&](const uint8_t *, size_t count) {
                               size_t taken = count < room ? count : room;
                               room -= taken;
                               return Outbox::Appended{taken, room > 0};
                           },
                           [] {}});
    VirtioMmio transport(console, memory, [] {});
    console.receive(data, size);
    drive(input, transport, memory, 2);
    room = 1000;
    console.output_room();
    transport.serve();
    return 0;
}
