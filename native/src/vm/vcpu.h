#ifndef KTSTR_VM_VCPU_H
#define KTSTR_VM_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vm/file_descriptor.h"
#include "vm/kvm_stats.h"
#include "vm/registers.h"

namespace ktstr {

class Vm;

struct VcpuOptions {
    uint32_t apic_id = 0;
    /** Entries in addition to those of all vCPUs. */
    std::vector<kvm_cpuid_entry2> cpuid;
    /** For the boot CPU, or for a vCPU that runs at once instead of waiting for INIT and SIPI. */
    std::optional<BootRegisters> registers;
};

/**
 * A virtual CPU and its thread. The thread that owns the VM creates, starts, kicks and destroys it; other vCPU threads
 * may kick it too. `run` and everything it calls belong to the vCPU's own thread, as do its registers while it runs.
 */
class Vcpu {
  public:
    /** Number of KVM_EXIT_* reasons counted separately; later ones count as the last. */
    static constexpr size_t exit_reasons = 48;

    /** `cpuid`: the entries of all vCPUs; if empty, KVM's defaults remain. Throws Error. */
    Vcpu(Vm &vm, unsigned index, const std::vector<kvm_cpuid_entry2> &cpuid, const VcpuOptions &options);
    ~Vcpu();
    Vcpu(const Vcpu &) = delete;
    Vcpu &operator=(const Vcpu &) = delete;

    /** Starts the thread. Throws std::system_error if no thread can be created. */
    void start();
    /** Makes the vCPU check the VM's request. */
    void kick();
    void join();

    int fd() const { return fd_.get(); }
    /** Returns the kernel's id of its thread; 0 before it runs. */
    int thread_id() const { return thread_id_; }
    const std::array<std::atomic<uint64_t>, exit_reasons> &exits() const { return exits_; }
    const KvmStats &kernel_stats() const { return *stats_; }

  private:
    void run();
    /** Enters the guest once. Returns false if the thread has nothing more to do. */
    bool enter();
    bool handle_exit();
    void handle_io();
    void handle_internal_error();
    std::string instruction_bytes() const;
    void fail(const std::string &what);

    Vm &vm_;
    const unsigned index_;
    FileDescriptor fd_;
    std::optional<KvmStats> stats_;
    kvm_run *run_ = nullptr;
    size_t run_size_;
    std::thread thread_;
    std::atomic<int> thread_id_{0};
    std::array<std::atomic<uint64_t>, exit_reasons> exits_{};
};

/** Returns the name of a KVM_EXIT_* reason in statistics, or null if it has no name here. */
const char *exit_reason_name(size_t reason);

} // namespace ktstr

#endif
