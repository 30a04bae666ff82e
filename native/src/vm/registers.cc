#include "vm/registers.h"

#include <cstdarg>
#include <cstdio>

#include "vm/error.h"
#include "vm/kvm.h"

namespace ktstr {

void set_registers(int vcpu, const BootRegisters &registers) {
    kvm_sregs special;
    if (kvm_ioctl(vcpu, KVM_GET_SREGS, &special) < 0)
        throw_errno("KVM_GET_SREGS");
    special.cr0 = registers.cr0.value_or(special.cr0);
    special.cr3 = registers.cr3.value_or(special.cr3);
    special.cr4 = registers.cr4.value_or(special.cr4);
    special.efer = registers.efer.value_or(special.efer);
    special.cs = registers.cs.value_or(special.cs);
    if (registers.data)
        special.ds = special.es = special.fs = special.gs = special.ss = *registers.data;
    special.tr = registers.tr.value_or(special.tr);
    special.gdt = registers.gdt.value_or(special.gdt);
    special.idt = registers.idt.value_or(special.idt);
    if (kvm_ioctl(vcpu, KVM_SET_SREGS, &special) < 0)
        throw_errno("KVM_SET_SREGS");
    kvm_regs general = registers.general;
    if (kvm_ioctl(vcpu, KVM_SET_REGS, &general) < 0)
        throw_errno("KVM_SET_REGS");
}

namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string &text, const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    std::vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text += line;
}

void append_segment(std::string &text, const char *name, const kvm_segment &s) {
    append(text, "%s=%04x base=%016llx limit=%08x type=%x s=%u dpl=%u p=%u db=%u l=%u g=%u\n", name, s.selector, s.base,
           s.limit, s.type, s.s, s.dpl, s.present, s.db, s.l, s.g);
}

} // namespace

std::string describe_registers(int vcpu, unsigned index) {
    kvm_regs r;
    kvm_sregs s;
    std::string text;
    append(text, "vCPU %u\n", index);
    if (kvm_ioctl(vcpu, KVM_GET_REGS, &r) < 0 || kvm_ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        return text + "registers are not to be had\n";
    append(text, "RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\n", r.rax, r.rbx, r.rcx, r.rdx);
    append(text, "RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx\n", r.rsi, r.rdi, r.rbp, r.rsp);
    append(text, "R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx\n", r.r8, r.r9, r.r10, r.r11);
    append(text, "R12=%016llx R13=%016llx R14=%016llx R15=%016llx\n", r.r12, r.r13, r.r14, r.r15);
    append(text, "RIP=%016llx RFL=%08llx\n", r.rip, r.rflags);
    append_segment(text, "CS", s.cs);
    append_segment(text, "SS", s.ss);
    append_segment(text, "DS", s.ds);
    append_segment(text, "TR", s.tr);
    append(text, "GDT base=%016llx limit=%04x IDT base=%016llx limit=%04x\n", s.gdt.base, s.gdt.limit, s.idt.base,
           s.idt.limit);
    append(text, "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx EFER=%llx\n", s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
    return text;
}

} // namespace ktstr
