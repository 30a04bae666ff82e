#include "vm/vcpu.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "vm/error.h"
#include "vm/kick_signal.h"
#include "vm/vm.h"

namespace ktstr {

namespace {

/** Intel SDM volume 4, table 2-2: fast string operations, which firmware leaves on. */
constexpr uint32_t msr_misc_enable = 0x1a0;
constexpr uint64_t misc_enable_fast_string = 1;

void set_msr(int vcpu, uint32_t index, uint64_t value) {
    // kvm_msrs with one entry, as in kvm.cc.
    struct Header {
        uint32_t count;
        uint32_t padding;
    };
    struct {
        Header header;
        kvm_msr_entry entry;
    } msrs{{1, 0}, {index, 0, value}};
    // A KVM that does not know the register has no fast string operations to enable.
    kvm_ioctl(vcpu, _IOW(KVMIO, 0x89, Header), &msrs);
}

std::string hex_bytes(const uint8_t *bytes, size_t count) {
    std::string text;
    char digits[4];
    for (size_t i = 0; i < count; i++) {
        std::snprintf(digits, sizeof(digits), i == 0 ? "%02x" : " %02x", bytes[i]);
        text += digits;
    }
    return text;
}

const char *internal_error_name(uint32_t suberror) {
    switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        return "it can't emulate an instruction";
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        return "an exception occurred while it delivered another";
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        return "delivering an event led to an unexpected exit";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
        return "the CPU left the guest for an unknown reason";
    default:
        return "unknown";
    }
}

} // namespace

const char *exit_reason_name(size_t reason) {
    switch (reason) {
    case KVM_EXIT_UNKNOWN:
        return "exit_unknown";
    case KVM_EXIT_EXCEPTION:
        return "exit_exception";
    case KVM_EXIT_IO:
        return "exit_io";
    case KVM_EXIT_HYPERCALL:
        return "exit_hypercall";
    case KVM_EXIT_DEBUG:
        return "exit_debug";
    case KVM_EXIT_HLT:
        return "exit_hlt";
    case KVM_EXIT_MMIO:
        return "exit_mmio";
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        return "exit_irq_window_open";
    case KVM_EXIT_SHUTDOWN:
        return "exit_shutdown";
    case KVM_EXIT_FAIL_ENTRY:
        return "exit_fail_entry";
    case KVM_EXIT_INTR:
        return "exit_intr";
    case KVM_EXIT_SET_TPR:
        return "exit_set_tpr";
    case KVM_EXIT_TPR_ACCESS:
        return "exit_tpr_access";
    case KVM_EXIT_INTERNAL_ERROR:
        return "exit_internal_error";
    case KVM_EXIT_SYSTEM_EVENT:
        return "exit_system_event";
    case KVM_EXIT_IOAPIC_EOI:
        return "exit_ioapic_eoi";
    case KVM_EXIT_X86_RDMSR:
        return "exit_rdmsr";
    case KVM_EXIT_X86_WRMSR:
        return "exit_wrmsr";
    case KVM_EXIT_X86_BUS_LOCK:
        return "exit_bus_lock";
    default:
        return nullptr;
    }
}

Vcpu::Vcpu(Vm &vm, unsigned index, const std::vector<kvm_cpuid_entry2> &cpuid, const VcpuOptions &options)
    : vm_(vm), index_(index), run_size_(vm.kvm().run_size()) {
    std::string name = "vCPU " + std::to_string(index);
    fd_ = FileDescriptor(kvm_ioctl(vm.fd(), KVM_CREATE_VCPU, static_cast<unsigned long>(options.apic_id)));
    if (!fd_)
        throw_errno("KVM_CREATE_VCPU of " + name + " with APIC id " + std::to_string(options.apic_id));
    stats_.emplace(fd_.get());
    if (!(cpuid.empty() && options.cpuid.empty()) && set_cpuid(fd_.get(), cpuid, options.cpuid) < 0)
        throw_errno("KVM_SET_CPUID2 of " + name);
    set_msr(fd_.get(), msr_misc_enable, misc_enable_fast_string);
    if (options.registers) {
        set_registers(fd_.get(), *options.registers);
        kvm_mp_state state{KVM_MP_STATE_RUNNABLE};
        if (kvm_ioctl(fd_.get(), KVM_SET_MP_STATE, &state) < 0)
            throw_errno("KVM_SET_MP_STATE of " + name);
    }
    void *run = mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (run == MAP_FAILED)
        throw_errno("mmap of the run area of " + name);
    run_ = static_cast<kvm_run *>(run);
    vm_.coalesced().find_ring(run_, run_size_);
}

Vcpu::~Vcpu() {
    join();
    if (run_ != nullptr)
        munmap(run_, run_size_);
}

void Vcpu::start() {
    thread_ = std::thread([this] { run(); });
}

void Vcpu::kick() {
    // A vCPU that is about to enter KVM_RUN sees the flag; a vCPU inside KVM_RUN receives the signal.
    __atomic_store_n(&run_->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (thread_.joinable())
        pthread_kill(thread_.native_handle(), kick_signal());
}

void Vcpu::join() {
    if (thread_.joinable())
        thread_.join();
}

void Vcpu::run() {
    char name[16];
    std::snprintf(name, sizeof(name), "ktstr-vcpu%u", index_);
    pthread_setname_np(pthread_self(), name);
    thread_id_ = static_cast<int>(syscall(SYS_gettid));
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, kick_signal());
    pthread_sigmask(SIG_UNBLOCK, &kick, nullptr);
    try {
        while (enter()) {
        }
    } catch (const std::exception &error) {
        fail(std::string("the host: ") + error.what());
    }
    vm_.thread_ended();
}

bool Vcpu::enter() {
    // The flag is cleared before the VM's request is read, so that a kick after the reading sets it again.
    __atomic_store_n(&run_->immediate_exit, 0, __ATOMIC_SEQ_CST);
    if (!vm_.may_run())
        return false;
    int result = ioctl(fd_.get(), KVM_RUN, 0);
    int error_number = errno;
    vm_.coalesced().deliver(vm_.ports());
    if (result < 0) {
        if (error_number == EINTR || error_number == EAGAIN) {
            exits_[KVM_EXIT_INTR].fetch_add(1, std::memory_order_relaxed);
            return true;
        }
        fail(std::string("KVM_RUN: ") + std::strerror(error_number));
        return false;
    }
    size_t reason = run_->exit_reason < exit_reasons ? run_->exit_reason : exit_reasons - 1;
    exits_[reason].fetch_add(1, std::memory_order_relaxed);
    return handle_exit();
}

bool Vcpu::handle_exit() {
    switch (run_->exit_reason) {
    case KVM_EXIT_IO:
        handle_io();
        return true;
    case KVM_EXIT_MMIO:
        if (run_->mmio.is_write)
            vm_.mmio().write(run_->mmio.phys_addr, run_->mmio.data, run_->mmio.len);
        else
            vm_.mmio().read(run_->mmio.phys_addr, run_->mmio.data, run_->mmio.len);
        return true;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_IOAPIC_EOI:
        return true;
    case KVM_EXIT_SHUTDOWN:
        vm_.finish({ExitKind::triple_fault, "", describe_registers(fd_.get(), index_)});
        return false;
    case KVM_EXIT_SYSTEM_EVENT:
        if (run_->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN)
            vm_.finish({ExitKind::power_off, "", ""});
        else if (run_->system_event.type == KVM_SYSTEM_EVENT_RESET)
            vm_.finish({ExitKind::reset, "", ""});
        else
            fail("KVM system event " + std::to_string(run_->system_event.type));
        return false;
    case KVM_EXIT_FAIL_ENTRY:
        fail("the CPU refused to enter the guest, reason " + hex(run_->fail_entry.hardware_entry_failure_reason));
        return false;
    case KVM_EXIT_INTERNAL_ERROR:
        handle_internal_error();
        return false;
    case KVM_EXIT_UNKNOWN:
        fail("unknown hardware exit " + hex(run_->hw.hardware_exit_reason));
        return false;
    default:
        fail("unexpected KVM exit " + std::to_string(run_->exit_reason));
        return false;
    }
}

void Vcpu::handle_io() {
    uint8_t *data = reinterpret_cast<uint8_t *>(run_) + run_->io.data_offset;
    // String instructions transfer several items for the same port.
    for (uint32_t i = 0; i < run_->io.count; i++, data += run_->io.size) {
        if (run_->io.direction == KVM_EXIT_IO_OUT)
            vm_.ports().write(run_->io.port, data, run_->io.size);
        else
            vm_.ports().read(run_->io.port, data, run_->io.size);
    }
}

void Vcpu::handle_internal_error() {
    uint32_t suberror = run_->internal.suberror;
    std::string what = "KVM internal error " + std::to_string(suberror) + " (" + internal_error_name(suberror) + ")";
    std::string bytes = instruction_bytes();
    fail(bytes.empty() ? what : what + ", instruction bytes " + bytes);
}

/** Returns the instruction bytes that KVM reports with its failure, or else the memory at the instruction pointer. */
std::string Vcpu::instruction_bytes() const {
    const auto &failure = run_->emulation_failure;
    if (failure.suberror == KVM_INTERNAL_ERROR_EMULATION && failure.ndata >= 1 &&
        failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES &&
        failure.insn_size <= sizeof(failure.insn_bytes) && failure.insn_size > 0)
        return hex_bytes(failure.insn_bytes, failure.insn_size);
    kvm_regs general;
    kvm_sregs special;
    if (kvm_ioctl(fd_.get(), KVM_GET_REGS, &general) < 0 || kvm_ioctl(fd_.get(), KVM_GET_SREGS, &special) < 0)
        return "";
    kvm_translation translation{};
    translation.linear_address = special.cs.base + general.rip;
    if (kvm_ioctl(fd_.get(), KVM_TRANSLATE, &translation) < 0 || !translation.valid)
        return "";
    // Intel SDM volume 2, 2.3.11: an instruction has at most 15 bytes.
    for (size_t count = 15; count > 0; count--) {
        if (const uint8_t *bytes = vm_.memory()->at(translation.physical_address, count))
            return hex_bytes(bytes, count);
    }
    return "";
}

void Vcpu::fail(const std::string &what) {
    vm_.finish(
        {ExitKind::vcpu_error, "vCPU " + std::to_string(index_) + ": " + what, describe_registers(fd_.get(), index_)});
}

} // namespace ktstr
