#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "devices/virtio_block.h"
#include "devices/virtio_console.h"
#include "devices/virtio_mmio.h"
#include "test/check.h"
#include "vm/error.h"

using namespace ktstr;

namespace {

constexpr uint64_t descriptors_at = 0x1000;
constexpr uint64_t driver_at = 0x2000;
constexpr uint64_t device_at = 0x3000;
constexpr uint64_t queue_stride = 0x4000;
constexpr uint64_t buffers_at = 0x20000;

/** A device and the parts of a driver that tests need: the parts of queue q are at q × queue_stride. */
template <typename Device> struct Bench {
    GuestMemory memory{{{0, 1UL << 20}}, {}};
    int interrupts = 0;
    Device device;
    VirtioMmio transport;
    uint16_t available[2] = {};

    template <typename... Arguments>
    explicit Bench(Arguments &&...arguments)
        : device(std::forward<Arguments>(arguments)...), transport(device, memory, [this] { interrupts++; }) {}

    uint32_t in(uint64_t offset) {
        uint32_t value;
        transport.read(offset, reinterpret_cast<uint8_t *>(&value), 4);
        return value;
    }
    void out(uint64_t offset, uint32_t value) { transport.write(offset, reinterpret_cast<uint8_t *>(&value), 4); }

    void start(size_t queues, uint16_t size = 8) {
        out(0x70, 0);
        out(0x70, 1);
        out(0x70, 3);
        out(0x24, 1);
        out(0x20, 1);
        out(0x70, 11);
        for (size_t q = 0; q < queues; q++) {
            out(0x30, static_cast<uint32_t>(q));
            out(0x38, size);
            out(0x80, static_cast<uint32_t>(descriptors_at + q * queue_stride));
            out(0x90, static_cast<uint32_t>(driver_at + q * queue_stride));
            out(0xa0, static_cast<uint32_t>(device_at + q * queue_stride));
            out(0x44, 1);
            available[q] = 0;
        }
        out(0x70, 15);
    }

    template <typename T> void poke(uint64_t address, T value) {
        std::memcpy(memory.at(address, sizeof(T)), &value, sizeof(T));
    }
    template <typename T> T peek(uint64_t address) {
        T value;
        std::memcpy(&value, memory.at(address, sizeof(T)), sizeof(T));
        return value;
    }
    void describe(size_t q, uint16_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next = 0) {
        uint64_t at = descriptors_at + q * queue_stride + index * 16UL;
        poke<uint64_t>(at, address);
        poke<uint32_t>(at + 8, length);
        poke<uint16_t>(at + 12, flags);
        poke<uint16_t>(at + 14, next);
    }
    void offer(size_t q, uint16_t head, uint16_t size = 8) {
        poke<uint16_t>(driver_at + q * queue_stride + 4 + 2UL * (available[q] % size), head);
        poke<uint16_t>(driver_at + q * queue_stride + 2, ++available[q]);
        out(0x50, static_cast<uint32_t>(q));
    }
    uint16_t used(size_t q) { return peek<uint16_t>(device_at + q * queue_stride + 2); }
    uint32_t used_length(size_t q, uint16_t n) { return peek<uint32_t>(device_at + q * queue_stride + 8 + 8UL * n); }
};

bool signalled(const Event &event) {
    pollfd waited{event.fd(), POLLIN, 0};
    return poll(&waited, 1, 0) == 1;
}

struct Disk {
    char path[32] = "/tmp/ktstr-disk-XXXXXX";
    explicit Disk(size_t bytes) {
        FileDescriptor file(mkstemp(path));
        if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
            throw std::runtime_error("ftruncate");
    }
    ~Disk() { unlink(path); }
};

/** For disks that must not fail. */
void no_failure(const std::string &what) { throw std::runtime_error(what); }

void put_request(Bench<VirtioBlock> &b, uint32_t type, uint64_t sector, uint32_t bytes, bool to_guest) {
    b.poke<uint32_t>(buffers_at, type);
    b.poke<uint32_t>(buffers_at + 4, 0);
    b.poke<uint64_t>(buffers_at + 8, sector);
    b.poke<uint8_t>(buffers_at + 0x100, 0xff);
    b.describe(0, 0, buffers_at, 16, 1, bytes > 0 ? 1 : 2);
    b.describe(0, 1, buffers_at + 0x1000, bytes, to_guest ? 3 : 1, 2);
    b.describe(0, 2, buffers_at + 0x100, 1, 2);
    b.offer(0, 0);
    b.transport.serve();
}

uint8_t status_of(Bench<VirtioBlock> &b) { return b.peek<uint8_t>(buffers_at + 0x100); }

} // namespace

TEST("virtio-mmio: identifies itself and negotiates") {
    Disk disk(1 << 20);
    Bench<VirtioBlock> b(disk.path, no_failure);
    CHECK(b.in(0) == 0x74726976 && b.in(4) == 2 && b.in(8) == 2);
    b.out(0x14, 1);
    CHECK(b.in(0x10) == 1);
    CHECK(b.in(0x100) == (1 << 20) / 512 && b.in(0x104) == 0);
    b.out(0x30, 0);
    CHECK(b.in(0x34) == 128);
    b.out(0x30, 1);
    CHECK(b.in(0x34) == 0);
    // A driver that does not accept VERSION_1 is rejected.
    b.out(0x70, 3);
    b.out(0x70, 11);
    CHECK((b.in(0x70) & 8) == 0);
    b.start(1);
    CHECK(b.in(0x70) == 15);
}

TEST("virtio-block: writes, reads back, flushes, names itself") {
    Disk disk(1 << 20);
    Bench<VirtioBlock> b(disk.path, no_failure);
    b.start(1);
    std::memset(b.memory.at(buffers_at + 0x1000, 1024), 0x5a, 1024);
    put_request(b, 1, 7, 1024, false);
    CHECK(status_of(b) == 0 && b.used(0) == 1 && b.used_length(0, 0) == 1);
    CHECK(b.interrupts == 1 && b.in(0x60) == 1);
    b.out(0x64, 1);
    CHECK(b.in(0x60) == 0);
    std::memset(b.memory.at(buffers_at + 0x1000, 1024), 0, 1024);
    put_request(b, 0, 8, 512, true);
    CHECK(status_of(b) == 0 && b.used_length(0, 1) == 513);
    CHECK(b.peek<uint8_t>(buffers_at + 0x1000) == 0x5a && b.peek<uint8_t>(buffers_at + 0x1200) == 0);
    put_request(b, 4, 0, 0, false);
    CHECK(status_of(b) == 0);
    put_request(b, 8, 0, 20, true);
    CHECK(status_of(b) == 0 &&
          std::strcmp(reinterpret_cast<char *>(b.memory.at(buffers_at + 0x1000, 20)), "ktstr-scratch") == 0);
    put_request(b, 99, 0, 0, false);
    CHECK(status_of(b) == 2);
}

TEST("virtio-block: refuses what is outside the disk") {
    Disk disk(1 << 20);
    Bench<VirtioBlock> b(disk.path, no_failure);
    b.start(1);
    for (uint64_t sector : {2048UL, 2047UL, 1UL << 55, ~0UL}) {
        put_request(b, 0, sector, 1024, true);
        CHECK(status_of(b) == 1);
        put_request(b, 1, sector, 1024, false);
        CHECK(status_of(b) == 1);
    }
    put_request(b, 0, 0, 511, true);
    CHECK(status_of(b) == 1);
    CHECK_THROWS(Error, VirtioBlock("/nonexistent/disk", no_failure));
}

TEST("virtio-block: a disk file that fails is told to the host, and is an I/O error to the guest") {
    Disk disk(1 << 20);
    std::vector<std::string> failures;
    auto failed = [&](const std::string &what) { failures.push_back(what); };
    {
        Bench<VirtioBlock> b(disk.path, failed);
        b.start(1);
        CHECK(truncate(disk.path, 4096) == 0);
        put_request(b, 0, 7, 1024, true);
        CHECK(status_of(b) == 1 && b.used_length(0, 0) == 1);
        CHECK(failures == std::vector{"the scratch disk " + std::string(disk.path) +
                                      ": reading 512 bytes at 4096: the file has become shorter"});
        // The guest's own mistakes are not failures of the host.
        put_request(b, 0, 5000, 1024, true);
        CHECK(status_of(b) == 1 && failures.size() == 1);
    }
    failures.clear();
    // The maximum size of a file; writing beyond it fails as on a full disk.
    rlimit before;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto ignored = signal(SIGXFSZ, SIG_IGN);
    CHECK(truncate(disk.path, 1 << 20) == 0);
    Bench<VirtioBlock> full(disk.path, failed);
    full.start(1);
    rlimit most{4096, before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &most) == 0);
    put_request(full, 1, 7, 1024, false);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, ignored);
    CHECK(status_of(full) == 1);
    CHECK(failures ==
          std::vector{"the scratch disk " + std::string(disk.path) + ": writing 512 bytes at 4096: File too large"});
}

TEST("virtio: a chain of more bytes than its length can tell stops the device") {
    // 128 buffers of 64 MiB are 8 GiB.
    GuestMemory large{{{0, 64UL << 20}}, {}};
    Virtqueue queue(large);
    queue.layout = {128, descriptors_at, driver_at, device_at, false};
    for (uint16_t i = 0; i < 128; i++) {
        struct {
            uint64_t address = 0;
            uint32_t length = 64U << 20;
            uint16_t flags;
            uint16_t next;
        } descriptor{.flags = static_cast<uint16_t>(i < 127 ? 3 : 2), .next = static_cast<uint16_t>(i + 1)};
        std::memcpy(large.at(descriptors_at + i * 16UL, 16), &descriptor, 16);
    }
    *large.at(driver_at + 2, 1) = 1;
    queue.enable();
    CHECK_THROWS(VirtqueueError, queue.pop());
}

TEST("virtio: a driver that breaks the rules stops its device and nothing else") {
    Disk disk(1 << 20);
    auto broken = [&](auto &&sin) {
        Bench<VirtioBlock> b(disk.path, no_failure);
        b.start(1);
        sin(b);
        b.transport.serve();
        bool needs_reset = b.in(0x70) & 64;
        b.transport.serve();
        b.start(1);
        return needs_reset && b.in(0x70) == 15;
    };
    CHECK(broken([](Bench<VirtioBlock> &b) { b.offer(0, 8); }));
    CHECK(broken([](Bench<VirtioBlock> &b) { b.poke<uint16_t>(driver_at + 2, 9); }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, buffers_at, 16, 1, 0);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, 0xfffff, 16, 0);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, ~0ULL - 4, 16, 0);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, buffers_at, 16, 4);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, buffers_at, 16, 3, 1);
        b.describe(0, 1, buffers_at, 16, 0);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.describe(0, 0, buffers_at, 8, 1, 1);
        b.describe(0, 1, buffers_at, 16, 2);
        b.offer(0, 0);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.out(0x44, 0);
        b.out(0x38, 8);
        b.out(0x80, 0xffff0000);
        b.out(0x44, 1);
    }));
    CHECK(broken([](Bench<VirtioBlock> &b) {
        b.out(0x44, 0);
        b.out(0x38, 7);
        b.out(0x44, 1);
    }));
}

TEST("virtio-console: carries bytes both ways and the window's size") {
    std::string sent;
    bool room = true;
    int drained = 0;
    Bench<VirtioConsole> b(VirtioConsole::Host{[&](const uint8_t *bytes, size_t size) {
                                                   sent.append(reinterpret_cast<const char *>(bytes), size);
                                                   return Outbox::Appended{size, room};
                                               },
                                               [&] { drained++; }});
    // There is no interrupt before there is a driver.
    b.device.resize(90, 30);
    CHECK(b.in(0x60) == 0 && b.in(0xfc) == 1);
    b.start(2);
    CHECK(b.in(8) == 3 && b.in(0x100) == (30U << 16 | 90) && b.in(0x60) == 0);
    b.device.resize(132, 50);
    CHECK(b.in(0x100) == (50U << 16 | 132) && b.in(0x60) == 2 && b.in(0xfc) == 2);

    std::memcpy(b.memory.at(buffers_at, 5), "hello", 5);
    b.describe(1, 0, buffers_at, 5, 0);
    b.offer(1, 0);
    CHECK(signalled(b.transport.doorbell()));
    b.transport.serve();
    CHECK(sent == "hello" && b.used(1) == 1);

    room = false;
    b.offer(1, 0);
    b.transport.serve();
    b.offer(1, 0);
    b.transport.serve();
    CHECK(sent == "hellohello");
    room = true;
    b.device.output_room();
    b.transport.serve();
    CHECK(sent == "hellohellohello" && b.used(1) == 3);

    b.device.receive(reinterpret_cast<const uint8_t *>("abcdef"), 6);
    b.transport.serve();
    CHECK(b.used(0) == 0 && drained == 0);
    b.describe(0, 0, buffers_at + 0x1000, 4, 2);
    b.offer(0, 0);
    b.transport.serve();
    CHECK(b.used(0) == 1 && b.used_length(0, 0) == 4 && drained == 0);
    b.offer(0, 0);
    b.transport.serve();
    CHECK(b.used(0) == 2 && b.used_length(0, 1) == 2 && drained == 1);
    CHECK(std::memcmp(b.memory.at(buffers_at + 0x1000, 2), "ef", 2) == 0);
}

TEST("virtio-console: keeps what the host has no room for, and goes on where it stopped") {
    std::string sent;
    size_t room = 3;
    Bench<VirtioConsole> b(VirtioConsole::Host{[&](const uint8_t *bytes, size_t size) {
                                                   size_t count = std::min(size, room);
                                                   sent.append(reinterpret_cast<const char *>(bytes), count);
                                                   room -= count;
                                                   return Outbox::Appended{count, room > 0};
                                               },
                                               [] {}});
    auto more = [&](size_t bytes) {
        room = bytes;
        b.device.output_room();
        b.transport.serve();
    };
    b.start(2);
    std::memcpy(b.memory.at(buffers_at, 10), "0123456789", 10);
    b.describe(1, 0, buffers_at, 5, 1, 1);
    b.describe(1, 1, buffers_at + 5, 5, 0);
    b.offer(1, 0);
    b.transport.serve();
    CHECK(sent == "012" && b.used(1) == 0);
    more(4);
    CHECK(sent == "0123456" && b.used(1) == 0);
    // Buffers that were shortened meanwhile count as done and are not read beyond their end.
    b.describe(1, 1, buffers_at + 5, 1, 0);
    more(4);
    CHECK(sent == "0123456" && b.used(1) == 1);
    b.describe(1, 1, buffers_at + 5, 5, 0);
    b.offer(1, 0);
    b.transport.serve();
    CHECK(sent == "01234560123" && b.used(1) == 1);
    // A driver that starts again begins with all of its bytes.
    b.start(2);
    b.offer(1, 0);
    more(10);
    CHECK(sent == "012345601230123456789");
}
