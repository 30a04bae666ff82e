// The threads that meet in a device, without a machine, so that ThreadSanitizer can check the addon without KVM.
#include <fcntl.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "devices/serial.h"
#include "devices/virtio_console.h"
#include "devices/virtio_mmio.h"
#include "test/check.h"
#include "vm/io_thread.h"
#include "vm/memory_loader.h"
#include "vm/outbox.h"

using namespace ktstr;

namespace {

constexpr int rounds = 2000;

/** Runs the parts concurrently, each `rounds` times. */
void beside(const std::vector<std::function<void(int)>> &parts) {
    std::vector<std::thread> threads;
    for (const auto &part : parts)
        threads.emplace_back([&part] {
            for (int round = 0; round < rounds; round++)
                part(round);
        });
    for (std::thread &thread : threads)
        thread.join();
}

} // namespace

TEST("threads: two vCPUs and the host at one UART lose no byte") {
    Outbox outbox([] {});
    std::atomic<int> drained{0};
    bool level = false;
    Serial serial([&](bool to) { level = to; },
                  {[&](uint8_t byte) { return outbox.append(Port::com2, &byte, 1).room; }, [&] { drained++; }});
    auto out = [&](uint64_t offset, uint8_t value) { serial.write(offset, &value, 1); };
    std::atomic<size_t> read{0};
    std::atomic<size_t> taken{0};
    auto vcpu = [&](int) {
        uint8_t status;
        serial.read(5, &status, 1);
        out(0, 'x');
        uint8_t byte = 0;
        serial.read(0, &byte, 1);
        read += byte == 'y';
        out(1, 3);
    };
    beside({vcpu, vcpu,
            [&](int) {
                uint8_t byte = 'y';
                serial.receive(&byte, 1);
            },
            [&](int) {
                outbox.begin_take();
                taken += outbox.take(Port::com2).size();
                serial.output_room();
            }});
    for (uint8_t byte = 'y'; byte == 'y'; read += byte == 'y')
        serial.read(0, &byte, 1);
    CHECK(read == rounds && drained > 0);
    CHECK(taken + outbox.take(Port::com2).size() == 2 * rounds);
}

TEST("threads: registers, queues, resets and the host's end of a virtio console") {
    GuestMemory memory({{0, 1UL << 20}}, {});
    Outbox outbox([] {});
    VirtioConsole console({[&](const uint8_t *bytes, size_t size) { return outbox.append(Port::console, bytes, size); },
                           [&] { outbox.post_sent(Port::console); }});
    std::atomic<int> interrupts{0};
    VirtioMmio transport(console, memory, [&] { interrupts++; });
    std::atomic<int> failures{0};
    IoThread thread([&](const std::string &) { failures++; });
    thread.add(transport.doorbell(), [&] { transport.serve(); });
    thread.start();
    auto out = [&](uint64_t offset, uint32_t value) {
        transport.write(offset, reinterpret_cast<uint8_t *>(&value), 4);
    };
    auto in = [&](uint64_t offset) {
        uint32_t value;
        transport.read(offset, reinterpret_cast<uint8_t *>(&value), 4);
        return value;
    };
    auto begin = [&] {
        out(0x70, 0);
        out(0x24, 1);
        out(0x20, 1);
        out(0x70, 11);
        for (uint32_t queue : {0U, 1U}) {
            out(0x30, queue);
            out(0x38, 8);
            out(0x80, 0x1000 + queue * 0x4000);
            out(0x90, 0x2000 + queue * 0x4000);
            out(0xa0, 0x3000 + queue * 0x4000);
            out(0x44, 1);
        }
        out(0x70, 15);
    };
    beside({[&](int round) {
                if (round % 100 == 0)
                    begin();
                out(0x50, 1);
                in(0x60);
                out(0x64, 3);
            },
            [&](int) { in(0x100), in(0x70), in(0xfc); },
            [&](int round) { console.resize(static_cast<uint16_t>(round), 24); },
            [&](int) {
                console.receive(reinterpret_cast<const uint8_t *>("z"), 1);
                outbox.take(Port::console);
                console.output_room();
                outbox.take_sent(Port::console);
            }});
    thread.stop();
    CHECK(failures == 0);
    begin();
    // On a busy host all of this may have run sequentially, before there was a driver to interrupt.
    interrupts = 0;
    console.resize(80, 24);
    CHECK(interrupts == 1);
    CHECK(in(0x70) == 15 && console.receive(nullptr, 0) == rounds);
}

TEST("threads: many wait for one loader, and one goes away in the middle of its work") {
    auto memory = std::make_shared<GuestMemory>(std::vector<Segment>{{0, 32UL << 20}}, MemoryOptions{});
    FileDescriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    CHECK(bool(zero));
    MemoryLoader loader(memory, {{0, zero.get(), 0, 16UL << 20}});
    std::vector<std::thread> waiters;
    std::atomic<int> done{0};
    for (int i = 0; i < 4; i++)
        waiters.emplace_back([&] {
            loader.wait();
            done++;
        });
    MemoryLoader(memory, {{16UL << 20, zero.get(), 0, 16UL << 20}});
    for (std::thread &waiter : waiters)
        waiter.join();
    CHECK(done == 4);
}
