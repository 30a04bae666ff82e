#ifndef KTSTR_VM_VM_H
#define KTSTR_VM_VM_H

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "devices/acpi_power.h"
#include "devices/i8042.h"
#include "devices/io_apic.h"
#include "devices/serial.h"
#include "devices/virtio_block.h"
#include "devices/virtio_console.h"
#include "devices/virtio_mmio.h"
#include "vm/coalesced_writes.h"
#include "vm/guest_memory.h"
#include "vm/io_bus.h"
#include "vm/io_thread.h"
#include "vm/kvm.h"
#include "vm/memory_loader.h"
#include "vm/outbox.h"
#include "vm/vcpu.h"

namespace ktstr {

/** Address and interrupt of a virtio device. */
struct VirtioSlot {
    uint64_t address;
    uint32_t gsi;
};

struct VmOptions {
    std::string device = "/dev/kvm";
    /** Guest RAM, including files that are read while the rest of the machine is created. */
    std::shared_ptr<MemoryLoader> memory;
    /** Other contents of memory before the first instruction. */
    struct Content {
        uint64_t address;
        std::vector<uint8_t> bytes;
    };
    std::vector<Content> contents;
    /** The CPUID of all vCPUs. */
    std::vector<kvm_cpuid_entry2> cpuid;
    std::vector<VcpuOptions> vcpus;
    /** Use this addon's I/O APIC instead of KVM's chips and timer, for APIC ids above 254. */
    bool split_irqchip = false;
    PowerRegister power{0x600, 6, 4, 0x3c00 | 0x2000, 0x2000};
    /** KVM_X86_DISABLE_EXITS_*; 0: none. */
    uint64_t disable_exits = 0;
    std::optional<VirtioSlot> console;
    struct Disk {
        VirtioSlot slot;
        std::string path;
    };
    std::optional<Disk> disk;
};

/**
 * A machine. One thread at a time (the host's) creates, starts, pauses, feeds and destroys it; the functions that vCPU
 * threads call are marked. The destructor stops and joins all threads.
 */
class Vm {
  public:
    /** `notify`: see Outbox. Throws Error. */
    Vm(const VmOptions &options, std::function<void()> notify);
    ~Vm();
    Vm(const Vm &) = delete;
    Vm &operator=(const Vm &) = delete;

    const std::shared_ptr<GuestMemory> &memory() const { return memory_; }
    /** Returns the loader; once it is done, memory is ready for the machine. */
    const std::shared_ptr<MemoryLoader> &loader() const { return loader_; }
    Outbox &outbox() { return outbox_; }

    /** Waits for the loader and starts the threads. Called once. Throws Error. */
    void start();
    /** Asks every vCPU to stop as soon as possible; the outbox's exit reports when all have stopped. */
    void stop();
    /** Asks all vCPUs to wait; the outbox reports when all do. Does nothing if the machine has ended. */
    void pause();
    void resume();

    /** Sends bytes to the guest. Returns how many bytes it has not read yet. */
    size_t send(Port port, const uint8_t *bytes, size_t size);
    /** Takes the bytes of a port, which makes room for more. */
    std::vector<uint8_t> take(Port port);
    /** Sets the window size of the virtio console. */
    void resize(uint16_t columns, uint16_t rows);

    /** Returns the exits to this process by reason, and KVM's own counters if it has any. */
    std::map<std::string, uint64_t> statistics();
    /** Returns the thread ids of the vCPUs; 0: not started. */
    std::vector<int> thread_ids() const;

    // For vCPU threads.

    const IoBus &ports() const { return ports_; }
    const IoBus &mmio() const { return mmio_; }
    CoalescedWrites &coalesced() { return *coalesced_; }
    const Kvm &kvm() const { return kvm_; }
    int fd() const { return fd_.get(); }
    /** Waits while the machine is paused. Returns whether the vCPU may run; false: it must end. */
    bool may_run();
    /** Ends the machine; the first report counts. */
    void finish(ExitReport report);
    /** Called by each vCPU thread as its last action. */
    void thread_ended();

  private:
    enum class Request { run, pause, stop };

    void write_contents(const std::vector<VmOptions::Content> &contents) const;
    void create_chips(bool split);
    void create_kernel_chips();
    void create_split_chips();
    std::future<void> register_memory_aside() const;
    void register_memory() const;
    void check_vcpus(const VmOptions &options) const;
    void create_devices(const VmOptions &options);
    std::unique_ptr<Serial> create_serial(Port port, uint16_t base, uint32_t gsi, const char *name);
    /**
     * Ends the machine because a device can't do what the guest requests, by the host's fault. Any thread may call it.
     */
    void fail_device(const std::string &what);
    InterruptLine interrupt_line(uint32_t gsi) const;
    std::function<void()> interrupt_pulse(uint32_t gsi);
    void attach(VirtioDevice &device, const VirtioSlot &slot);
    void request(Request request);

    // Later members are destroyed first: the vCPUs before what they use.
    const Kvm kvm_;
    const std::shared_ptr<MemoryLoader> loader_;
    const std::shared_ptr<GuestMemory> memory_;
    FileDescriptor fd_;
    Outbox outbox_;
    IoBus ports_;
    IoBus mmio_;
    std::optional<CoalescedWrites> coalesced_;
    /** Only set with a split interrupt chip. */
    std::unique_ptr<IoApic> io_apic_;
    /** Events that KVM turns into interrupts (irqfd). */
    std::vector<std::unique_ptr<Event>> interrupts_;
    std::unique_ptr<Serial> com1_;
    std::unique_ptr<Serial> com2_;
    std::unique_ptr<I8042> i8042_;
    std::unique_ptr<AcpiPower> power_;
    std::unique_ptr<VirtioConsole> console_;
    std::unique_ptr<VirtioBlock> disk_;
    std::vector<std::unique_ptr<VirtioMmio>> virtio_;
    IoThread io_thread_{[this](const std::string &what) { fail_device("the thread of the virtio devices: " + what); }};

    std::atomic<Request> requested_{Request::run};
    mutable std::mutex mutex_;
    std::condition_variable resumed_;
    /** Number of vCPU threads that have not ended, and how many of them wait. */
    size_t running_ = 0;
    size_t waiting_ = 0;
    bool started_ = false;
    bool exit_posted_ = false;
    std::optional<ExitReport> exit_;

    std::vector<std::unique_ptr<Vcpu>> vcpus_;
    /** The counters of any vCPU, read on first use. */
    std::optional<std::vector<KvmStats::Counter>> counters_;
};

} // namespace ktstr

#endif
