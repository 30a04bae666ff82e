#ifndef KTSTR_VM_KVM_H
#define KTSTR_VM_KVM_H

#include <linux/kvm.h>

#include <string>
#include <vector>

#include "vm/file_descriptor.h"

namespace ktstr {

/** Calls ioctl(2) and repeats it if a signal interrupts it. */
int kvm_ioctl(int fd, unsigned long request, unsigned long argument = 0);

template <typename T> int kvm_ioctl(int fd, unsigned long request, T *argument) {
    return kvm_ioctl(fd, request, reinterpret_cast<unsigned long>(argument));
}

/** /dev/kvm. Constant after opening, so any thread may use it. */
class Kvm {
  public:
    /** Throws Error: absent, denied, or unsupported. */
    explicit Kvm(const std::string &path = "/dev/kvm");

    /** Returns the result of KVM_CHECK_EXTENSION; 0 if KVM lacks the extension. */
    int extension(int capability) const;
    /** KVM_CREATE_VM. */
    FileDescriptor create_vm() const;
    /** Returns the size in bytes of a vCPU's shared kvm_run area. */
    size_t run_size() const { return run_size_; }
    /** KVM_GET_SUPPORTED_CPUID. */
    std::vector<kvm_cpuid_entry2> supported_cpuid() const;

  private:
    FileDescriptor fd_;
    size_t run_size_;
};

/** Sets the CPUID of a vCPU (KVM_SET_CPUID2): the entries common to all and its own. */
int set_cpuid(int vcpu, const std::vector<kvm_cpuid_entry2> &common, const std::vector<kvm_cpuid_entry2> &own);

} // namespace ktstr

#endif
