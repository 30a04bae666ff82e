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

/** Where a virtio device is. */
struct VirtioSlot {
    uint64_t address;
    uint32_t gsi;
};

struct VmOptions {
    std::string device = "/dev/kvm";
    /** Guest RAM, of which files are part that are read while the rest is made. */
    std::shared_ptr<MemoryLoader> memory;
    /** What else is in memory before the first instruction. */
    struct Content {
        uint64_t address;
        std::vector<uint8_t> bytes;
    };
    std::vector<Content> contents;
    /** What CPUID answers on all vCPUs. */
    std::vector<kvm_cpuid_entry2> cpuid;
    std::vector<VcpuOptions> vcpus;
    /** An I/O APIC of our own instead of KVM's chips and timer, for APIC ids above 254. */
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
 * A machine. Made, started, paused, fed and destroyed by one thread at a time (the host's); what vCPU threads call is
 * marked. The destructor stops and joins all threads.
 */
class Vm {
  public:
    /** `notify`: see Outbox. Throws Error. */
    Vm(const VmOptions &options, std::function<void()> notify);
    ~Vm();
    Vm(const Vm &) = delete;
    Vm &operator=(const Vm &) = delete;

    const std::shared_ptr<GuestMemory> &memory() const { return memory_; }
    /** At its end, memory is as the machine needs it. */
    const std::shared_ptr<MemoryLoader> &loader() const { return loader_; }
    Outbox &outbox() { return outbox_; }

    /** Starts the threads, once; waits for the loader. Throws Error. */
    void start();
    /** Every vCPU stops as soon as it can; the outbox's exit says when all have. */
    void stop();
    /** The outbox says when all wait. Nothing when the machine has ended. */
    void pause();
    void resume();

    /** Bytes to the guest. Returns how many it has not read yet. */
    size_t send(Port port, const uint8_t *bytes, size_t size);
    /** The bytes of a port, and room for more. */
    std::vector<uint8_t> take(Port port);
    /** The window of the virtio console. */
    void resize(uint16_t columns, uint16_t rows);

    /** Exits to this process by reason, and KVM's own counters where it has them. */
    std::map<std::string, uint64_t> statistics();
    /** Threads of the vCPUs; 0: not started. */
    std::vector<int> thread_ids() const;

    // For vCPU threads.

    const IoBus &ports() const { return ports_; }
    const IoBus &mmio() const { return mmio_; }
    CoalescedWrites &coalesced() { return *coalesced_; }
    const Kvm &kvm() const { return kvm_; }
    int fd() const { return fd_.get(); }
    /** Whether the vCPU may run; waits while the machine is paused. False: it is to end. */
    bool may_run();
    /** The machine is at its end; the first report counts. */
    void finish(ExitReport report);
    /** The last thing a vCPU thread does. */
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
    /** A device can't do what the guest asks of it, by the host's fault. Any thread may call it. */
    void fail_device(const std::string &what);
    InterruptLine interrupt_line(uint32_t gsi) const;
    std::function<void()> interrupt_pulse(uint32_t gsi);
    void attach(VirtioDevice &device, const VirtioSlot &slot);
    void request(Request request);

    // Later members are destroyed first: vCPUs, then what they use.
    const Kvm kvm_;
    const std::shared_ptr<MemoryLoader> loader_;
    const std::shared_ptr<GuestMemory> memory_;
    FileDescriptor fd_;
    Outbox outbox_;
    IoBus ports_;
    IoBus mmio_;
    std::optional<CoalescedWrites> coalesced_;
    /** Of a split interrupt chip only. */
    std::unique_ptr<IoApic> io_apic_;
    /** What KVM turns into interrupts (irqfd). */
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
    /** Vcpu threads that have not ended, and those of them that wait. */
    size_t running_ = 0;
    size_t waiting_ = 0;
    bool started_ = false;
    bool exit_posted_ = false;
    std::optional<ExitReport> exit_;

    std::vector<std::unique_ptr<Vcpu>> vcpus_;
    /** Of any vCPU; read when first asked for. */
    std::optional<std::vector<KvmStats::Counter>> counters_;
};

} // namespace ktstr

#endif
