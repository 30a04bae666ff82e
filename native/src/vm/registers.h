#ifndef KTSTR_VM_REGISTERS_H
#define KTSTR_VM_REGISTERS_H

#include <linux/kvm.h>

#include <optional>
#include <string>

namespace ktstr {

/** Registers with which a vCPU starts. Absent ones keep their value after reset. */
struct BootRegisters {
    kvm_regs general{};
    std::optional<uint64_t> cr0;
    std::optional<uint64_t> cr3;
    std::optional<uint64_t> cr4;
    std::optional<uint64_t> efer;
    std::optional<kvm_segment> cs;
    /** For DS, ES, FS, GS and SS alike. */
    std::optional<kvm_segment> data;
    std::optional<kvm_segment> tr;
    std::optional<kvm_dtable> gdt;
    std::optional<kvm_dtable> idt;
};

/** Sets the registers of a vCPU that is not running. Throws Error. */
void set_registers(int vcpu, const BootRegisters &registers);

/** Returns the registers of a vCPU as lines of text. Called on the vCPU's own thread. */
std::string describe_registers(int vcpu, unsigned index);

} // namespace ktstr

#endif
