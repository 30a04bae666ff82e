#ifndef KTSTR_VM_KVM_H
#define KTSTR_VM_KVM_H

#include <linux/kvm.h>

#include <string>
#include <vector>

#include "vm/file_descriptor.h"

namespace ktstr {

/** ioctl(2) that goes on when a signal interrupts it. */
int kvm_ioctl(int fd, unsigned long request, unsigned long argument = 0);

template <typename T> int kvm_ioctl(int fd, unsigned long request, T *argument) {
    return kvm_ioctl(fd, request, reinterpret_cast<unsigned long>(argument));
}

/** /dev/kvm. Constant once opened, so any thread may use it. */
class Kvm {
  public:
    /** Throws Error: absent, denied, or unsupported. */
    explicit Kvm(const std::string &path = "/dev/kvm");

    /** KVM_CHECK_EXTENSION: 0 when it is not there. */
    int extension(int capability) const;
    /** KVM_CREATE_VM. */
    FileDescriptor create_vm() const;
    /** Bytes of a vCPU's shared kvm_run area. */
    size_t run_size() const { return run_size_; }
    /** KVM_GET_SUPPORTED_CPUID. */
    std::vector<kvm_cpuid_entry2> supported_cpuid() const;

  private:
    FileDescriptor fd_;
    size_t run_size_;
};

/** KVM_SET_CPUID2 of a vCPU: the entries of all and its own. */
int set_cpuid(int vcpu, const std::vector<kvm_cpuid_entry2> &common, const std::vector<kvm_cpuid_entry2> &own);

} // namespace ktstr

#endif
