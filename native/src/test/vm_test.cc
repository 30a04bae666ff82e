// Machines on this host's KVM, with guests of a few bytes of real-mode code, which any KVM can run, even an
// interpreting one.
#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "devices/acpi_power.h"
#include "devices/i8042.h"
#include "test/check.h"
#include "vm/error.h"
#include "vm/memory_loader.h"
#include "vm/vm.h"

using namespace ktstr;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t code_at = 0x1000;

std::shared_ptr<MemoryLoader> ram(const std::vector<Segment> &segments) {
    return std::make_shared<MemoryLoader>(std::make_shared<GuestMemory>(segments, MemoryOptions{}),
                                          std::vector<FilePart>{});
}

VcpuOptions real_mode(uint32_t apic_id = 0) {
    VcpuOptions options;
    options.apic_id = apic_id;
    kvm_segment code{};
    code.limit = 0xffff;
    code.type = 11;
    code.s = 1;
    code.present = 1;
    BootRegisters registers;
    registers.general.rip = code_at;
    registers.general.rflags = 2;
    registers.cs = code;
    options.registers = registers;
    return options;
}

/** A machine with code; its doorbell wakes `wait_for`. */
struct Guest {
    std::mutex mutex;
    std::condition_variable rung;
    bool ringing = false;
    std::string text[port_count];
    std::optional<ExitReport> exit;
    bool paused = false;
    Vm vm;

    static VmOptions options_of(size_t vcpus) {
        VmOptions options;
        options.memory = ram({{0, 1UL << 20}});
        for (uint32_t i = 0; i < vcpus; i++)
            options.vcpus.push_back(real_mode(i));
        return options;
    }

    explicit Guest(const std::string &code, const VmOptions &options = options_of(1))
        : vm(options, [this] {
              std::lock_guard lock(mutex);
              ringing = true;
              rung.notify_all();
          }) {
        std::memcpy(vm.memory()->data() + code_at, code.data(), code.size());
    }

    void take() {
        vm.outbox().begin_take();
        if (auto report = vm.outbox().take_exit())
            exit = report;
        for (unsigned port = 0; port < port_count; port++) {
            std::vector<uint8_t> bytes = vm.take(static_cast<Port>(port));
            text[port].append(bytes.begin(), bytes.end());
        }
        paused |= vm.outbox().take_paused();
    }

    template <typename Condition> void wait_for(Condition condition) {
        auto deadline = std::chrono::steady_clock::now() + 20s;
        for (take(); !condition(); take()) {
            std::unique_lock lock(mutex);
            if (!rung.wait_until(lock, deadline, [this] { return ringing; }))
                throw std::runtime_error("the machine said nothing for 20 s");
            ringing = false;
        }
    }
    ExitReport ending() {
        wait_for([this] { return exit.has_value(); });
        return *exit;
    }
};

/** 32-bit flat mode without an interrupt table, so the first exception is a triple fault. */
VmOptions protected_mode() {
    VmOptions options = Guest::options_of(1);
    BootRegisters &registers = *options.vcpus[0].registers;
    kvm_segment segment{};
    segment.limit = 0xffffffff;
    segment.present = segment.s = segment.db = segment.g = 1;
    segment.selector = 8;
    segment.type = 11;
    registers.cs = segment;
    segment.selector = 16;
    segment.type = 3;
    registers.data = segment;
    registers.cr0 = 0x11;
    registers.idt = kvm_dtable{};
    return options;
}

std::string bytes(std::initializer_list<int> list) {
    std::string text;
    for (int value : list)
        text.push_back(static_cast<char>(value));
    return text;
}

/** mov dx, port; mov al, value; out dx, al */
std::string out(unsigned port, unsigned value) {
    return bytes(
        {0xba, static_cast<int>(port & 0xff), static_cast<int>(port >> 8), 0xb0, static_cast<int>(value), 0xee});
}
const std::string halt = bytes({0xf4, 0xeb, 0xfd});
const std::string spin = bytes({0xeb, 0xfe});
const std::string reset = bytes({0xb0, 0xfe, 0xe6, 0x64}) + halt;
/** Polls COM2 for a byte and sends it back; ends after Q. */
const std::string echo =
    bytes({0xba, 0xfd, 0x02, 0xec, 0xa8, 0x01, 0x74, 0xf8, 0xba, 0xf8, 0x02, 0xec, 0xee, 0x3c, 'Q', 0x75, 0xef}) +
    reset;

size_t threads() {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    while (const dirent *entry = readdir(directory))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

} // namespace

TEST("vm: says hello on COM1 and resets by the keyboard controller") {
    Guest guest(out(0x3f8, 'h') + out(0x3f8, 'i') + reset);
    guest.vm.start();
    CHECK(guest.ending().kind == ExitKind::reset);
    CHECK(guest.text[0] == "hi");
    CHECK(guest.vm.statistics().at("exit_io") >= 1);
    CHECK(guest.vm.thread_ids()[0] > 0);
}

TEST("vm: COM1 sees every access in the guest's order, and what is left at a stop") {
    // A divisor written between two bytes is not output, and no exit follows the last byte.
    Guest guest(out(0x3f8, 'a') + out(0x3fb, 0x83) + out(0x3f8, 1) + out(0x3fb, 3) + out(0x3f8, 'b') + out(0x2f8, '.') +
                out(0x3f8, 'c') + halt);
    guest.vm.start();
    guest.wait_for([&] { return guest.text[1] == "."; });
    guest.take();
    CHECK(guest.text[0].substr(0, 2) == "ab");
    guest.vm.stop();
    guest.ending();
    CHECK(guest.text[0] == "ab" || guest.text[0] == "abc");
}

TEST("vm: echoes COM2") {
    Guest guest(echo);
    guest.vm.start();
    std::string said = "abc";
    guest.vm.send(Port::com2, reinterpret_cast<const uint8_t *>(said.data()), said.size());
    guest.wait_for([&] { return guest.text[1] == "abc"; });
    guest.vm.send(Port::com2, reinterpret_cast<const uint8_t *>("Q"), 1);
    CHECK(guest.ending().kind == ExitKind::reset);
    CHECK(guest.text[1] == "abcQ");
}

TEST("vm: powers off by the register that the options name") {
    // mov dx, 0x604; mov ax, 0x2000; out dx, ax
    Guest guest(out(0x600, 0x20) + bytes({0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef}) + halt);
    guest.vm.start();
    CHECK(guest.ending().kind == ExitKind::power_off);
}

TEST("vm: a halted and a spinning vCPU stop at once") {
    for (const std::string &code : {halt, spin}) {
        Guest guest(code, Guest::options_of(2));
        guest.vm.start();
        std::this_thread::sleep_for(20ms);
        guest.vm.stop();
        CHECK(guest.ending().kind == ExitKind::killed);
    }
}

TEST("vm: pauses and resumes") {
    Guest guest(echo, Guest::options_of(1));
    guest.vm.start();
    guest.vm.pause();
    guest.wait_for([&] { return guest.paused; });
    guest.vm.send(Port::com2, reinterpret_cast<const uint8_t *>("x"), 1);
    std::this_thread::sleep_for(20ms);
    guest.take();
    CHECK(guest.text[1].empty());
    guest.paused = false;
    guest.vm.pause();
    guest.wait_for([&] { return guest.paused; });
    guest.vm.resume();
    guest.wait_for([&] { return guest.text[1] == "x"; });
    guest.vm.pause();
    guest.vm.stop();
    CHECK(guest.ending().kind == ExitKind::killed);
}

TEST("vm: a triple fault tells the registers") {
    // mov eax, 0x1234; ud2
    Guest guest(bytes({0xb8, 0x34, 0x12, 0x00, 0x00, 0x0f, 0x0b}), protected_mode());
    guest.vm.start();
    ExitReport report = guest.ending();
    CHECK(report.kind == ExitKind::triple_fault);
    CHECK(report.registers.find("RAX=0000000000001234") != std::string::npos);
    CHECK(report.registers.find("RIP=0000000000001005") != std::string::npos);
    CHECK(report.registers.find("IDT base=0000000000000000 limit=0000") != std::string::npos);
}

TEST("vm: one vCPU's end stops the others") {
    // The first vCPU to take the byte at 0x500 resets the machine, the others spin.
    // mov al, 1; xchg [0x500], al; test al, al; jnz spin; reset
    Guest guest(bytes({0xb0, 0x01, 0x86, 0x06, 0x00, 0x05, 0x84, 0xc0, 0x75, 0xfe}) + reset, Guest::options_of(4));
    guest.vm.start();
    CHECK(guest.ending().kind == ExitKind::reset);
}

TEST("vm: what can't be is refused with a reason") {
    VmOptions options = Guest::options_of(1);
    options.device = "/nonexistent/kvm";
    CHECK_THROWS(Error, Guest("", options));
    options = Guest::options_of(1);
    options.device = "/dev/null";
    CHECK_THROWS(Error, Guest("", options));
    options = Guest::options_of(0);
    CHECK_THROWS(Error, Guest("", options));
    try {
        ram({{0, 1UL << 50}});
        CHECK(false);
    } catch (const Error &error) {
        CHECK(error.code() == ErrorCode::out_of_memory);
        CHECK(std::string(error.what()).find("1073741824 MiB") != std::string::npos);
    }
    CHECK_THROWS(Error, ram({{0, 4096}, {2048, 4096}}));
    options = Guest::options_of(2);
    options.vcpus[1].apic_id = 0;
    CHECK_THROWS(Error, Guest("", options));
}

TEST("vm: killed at any moment it leaves no thread") {
    size_t before = threads();
    std::minstd_rand random(1);
    for (int i = 0; i < 50; i++) {
        Guest guest(i % 2 ? echo : spin, Guest::options_of(1 + random() % 4));
        if (i % 10 != 0)
            guest.vm.start();
        if (i % 3 == 0)
            guest.vm.pause();
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        if (i % 5 == 0)
            guest.vm.stop();
    }
    CHECK(threads() == before);
}

TEST("vm: a guest that sends on while nobody takes its bytes ends with that reason, not with a gap") {
    // mov dx, 0x2f8; out dx, al; jmp to the out
    Guest guest(bytes({0xba, 0xf8, 0x02, 0xee, 0xeb, 0xfd}));
    std::vector<uint8_t> untaken(Outbox::capacity + Outbox::slack - 100);
    CHECK(guest.vm.outbox().append(Port::com2, untaken.data(), untaken.size()).count == untaken.size());
    guest.vm.start();
    for (int i = 0; !guest.exit && i < 2000; i++) {
        std::this_thread::sleep_for(10ms);
        guest.exit = guest.vm.outbox().take_exit();
    }
    CHECK(guest.exit && guest.exit->kind == ExitKind::device_error);
    CHECK(guest.exit->message ==
          "COM2: the guest sent on while 5242880 bytes waited for the host; what followed is lost");
    CHECK(guest.vm.take(Port::com2).size() == Outbox::capacity + Outbox::slack);
}

TEST("guest memory: finds what is in one segment") {
    GuestMemory memory({{0, 8192}, {1UL << 32, 4096}}, {});
    CHECK(memory.at(0, 8192) == memory.data());
    CHECK(memory.at(1UL << 32, 4096) == memory.data() + 8192);
    CHECK(memory.at(8191, 2) == nullptr && memory.at(8192, 1) == nullptr && memory.at(~0ULL, 2) == nullptr);
    CHECK(memory.at(4096, ~0ULL) == nullptr);
    memory.data()[0] = 1;
    memory.discard();
    CHECK(memory.data()[0] == 0);
}

TEST("guest memory: a range may cross from a segment to its neighbour") {
    GuestMemory memory({{0, 4096}, {4096, 4096}, {1UL << 32, 4096}}, {});
    CHECK(memory.at(4000, 200) == memory.data() + 4000);
    CHECK(memory.at(0, 8192) == memory.data() && memory.at(0, 8193) == nullptr);
}

namespace {

/** Returns an unlinked file. */
FileDescriptor file_with(const std::vector<uint8_t> &bytes) {
    FileDescriptor file(memfd_create("ktstr-test", MFD_CLOEXEC));
    CHECK(pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return file;
}

} // namespace

TEST("memory loader: reads parts of files, across segments, with the files closed meanwhile") {
    constexpr uint64_t mib = 1UL << 20;
    auto memory =
        std::make_shared<GuestMemory>(std::vector<Segment>{{0, 5 * mib}, {5 * mib, 11 * mib}}, MemoryOptions{});
    std::vector<uint8_t> bytes(9 * mib + 5);
    for (size_t i = 0; i < bytes.size(); i++)
        bytes[i] = static_cast<uint8_t>(i * 31 >> 3);
    FileDescriptor file = file_with(bytes);
    MemoryLoader loader(memory, {{mib + 1, file.get(), 3, 9 * mib}, {15 * mib, file.get(), 0, 2}});
    file = FileDescriptor();
    loader.wait();
    loader.wait();
    CHECK(std::memcmp(memory->at(mib + 1, 9 * mib), bytes.data() + 3, 9 * mib) == 0);
    CHECK(std::memcmp(memory->at(15 * mib, 2), bytes.data(), 2) == 0);
    CHECK(*memory->at(mib, 1) == 0 && *memory->at(10 * mib + 1, 1) == 0);
}

TEST("memory loader: leaves out a file's holes, and finds what lies between and behind them") {
    constexpr uint64_t mib = 1UL << 20;
    auto memory = std::make_shared<GuestMemory>(std::vector<Segment>{{0, 32 * mib}}, MemoryOptions{});
    FileDescriptor file = file_with({1});
    CHECK(ftruncate(file.get(), 20 * mib) == 0);
    CHECK(pwrite(file.get(), "two", 3, 9 * mib) == 3 && pwrite(file.get(), "three", 5, 14 * mib) == 5);
    MemoryLoader loader(memory, {{mib, file.get(), 0, 20 * mib}, {28 * mib, file.get(), 4 * mib, 4 * mib}});
    loader.wait();
    CHECK(*memory->at(mib, 1) == 1 && *memory->at(2 * mib, 1) == 0);
    CHECK(std::memcmp(memory->at(10 * mib, 4), "two", 4) == 0);
    CHECK(std::memcmp(memory->at(15 * mib, 6), "three", 6) == 0);
    CHECK(*memory->at(21 * mib - 1, 1) == 0 && *memory->at(28 * mib, 1) == 0);
}

TEST("memory loader: says what is missing") {
    auto memory = std::make_shared<GuestMemory>(std::vector<Segment>{{0, 1UL << 20}}, MemoryOptions{});
    FileDescriptor file = file_with({1, 2, 3});
    MemoryLoader loader(memory, {{0, file.get(), 1, 5}});
    std::string message;
    try {
        loader.wait();
    } catch (const Error &error) {
        message = error.what();
    }
    CHECK(message == "the file ends at byte 3, where more was expected");
    ErrorCode code = ErrorCode::io;
    try {
        MemoryLoader beyond(memory, {{(1UL << 20) - 1, file.get(), 0, 2}});
    } catch (const Error &error) {
        code = error.code();
    }
    CHECK(code == ErrorCode::invalid);
    MemoryLoader(memory, {});
}

TEST("i8042: resets by either way") {
    IoBus ports;
    int resets = 0;
    I8042 controller([&] { resets++; });
    controller.attach(ports);
    auto write = [&](uint64_t port, uint8_t value) { ports.write(port, &value, 1); };
    write(0x64, 0xaa);
    write(0x60, 0xfe);
    CHECK(resets == 0);
    write(0x64, 0xfe);
    CHECK(resets == 1);
    write(0x64, 0xd1);
    write(0x60, 0xfe);
    write(0x60, 0xfe);
    CHECK(resets == 2);
    uint8_t value = 0xff;
    ports.read(0x64, &value, 1);
    CHECK(value == 0);
    ports.read(0x61, &value, 1);
    CHECK(value == 0xff);
}
