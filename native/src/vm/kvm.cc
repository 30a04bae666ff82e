#include "vm/kvm.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "vm/error.h"

namespace ktstr {

namespace {

/**
 * kvm_cpuid2 without its entries. In C++ some versions of the kernel's header give the structure a wrong size because
 * of its flexible array, and the size is part of the ioctl numbers.
 */
struct CpuidHeader {
    uint32_t nent;
    uint32_t padding;
};
constexpr unsigned long get_supported_cpuid = _IOWR(KVMIO, 0x05, CpuidHeader);
constexpr unsigned long set_cpuid2 = _IOW(KVMIO, 0x90, CpuidHeader);

/** Returns a header with room for `count` entries. */
std::vector<unsigned char> cpuid_buffer(size_t count) {
    std::vector<unsigned char> buffer(sizeof(CpuidHeader) + count * sizeof(kvm_cpuid_entry2));
    CpuidHeader header{static_cast<uint32_t>(count), 0};
    std::memcpy(buffer.data(), &header, sizeof(header));
    return buffer;
}

} // namespace

int kvm_ioctl(int fd, unsigned long request, unsigned long argument) {
    int result;
    do {
        result = ioctl(fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result;
}

Kvm::Kvm(const std::string &path) : fd_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (!fd_)
        throw_errno(path);
    int version = kvm_ioctl(fd_.get(), KVM_GET_API_VERSION);
    if (version != KVM_API_VERSION)
        throw Error(ErrorCode::unsupported, path + " speaks KVM API version " + std::to_string(version) + ", not " +
                                                std::to_string(KVM_API_VERSION));
    for (auto [capability, name] :
         {std::pair{KVM_CAP_IRQCHIP, "interrupt chips in the kernel"}, std::pair{KVM_CAP_USER_MEMORY, "user memory"},
          std::pair{KVM_CAP_IMMEDIATE_EXIT, "immediate exit"}}) {
        if (extension(capability) <= 0)
            throw Error(ErrorCode::unsupported, path + " has no " + name);
    }
    int size = kvm_ioctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE);
    if (size < static_cast<int>(sizeof(kvm_run)))
        throw_errno("KVM_GET_VCPU_MMAP_SIZE");
    run_size_ = static_cast<size_t>(size);
}

int Kvm::extension(int capability) const {
    return kvm_ioctl(fd_.get(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability));
}

FileDescriptor Kvm::create_vm() const {
    FileDescriptor vm(kvm_ioctl(fd_.get(), KVM_CREATE_VM));
    if (!vm)
        throw_errno("KVM_CREATE_VM");
    return vm;
}

std::vector<kvm_cpuid_entry2> Kvm::supported_cpuid() const {
    // Kernels since 5.11 have at most 256 entries (KVM_MAX_CPUID_ENTRIES) and shorten a longer list; if the list is too
    // short, they fail with E2BIG.
    for (size_t count = 256; count <= 4096; count *= 2) {
        std::vector<unsigned char> buffer = cpuid_buffer(count);
        if (kvm_ioctl(fd_.get(), get_supported_cpuid, buffer.data()) < 0) {
            if (errno == E2BIG)
                continue;
            throw_errno("KVM_GET_SUPPORTED_CPUID");
        }
        CpuidHeader header;
        std::memcpy(&header, buffer.data(), sizeof(header));
        std::vector<kvm_cpuid_entry2> entries(header.nent);
        std::memcpy(entries.data(), buffer.data() + sizeof(header), entries.size() * sizeof(kvm_cpuid_entry2));
        return entries;
    }
    throw Error(ErrorCode::unsupported, "KVM_GET_SUPPORTED_CPUID: more than 4096 entries");
}

int set_cpuid(int vcpu, const std::vector<kvm_cpuid_entry2> &common, const std::vector<kvm_cpuid_entry2> &own) {
    std::vector<unsigned char> buffer = cpuid_buffer(common.size() + own.size());
    unsigned char *at = buffer.data() + sizeof(CpuidHeader);
    for (const auto *entries : {&common, &own}) {
        if (entries->empty())
            continue;
        std::memcpy(at, entries->data(), entries->size() * sizeof(kvm_cpuid_entry2));
        at += entries->size() * sizeof(kvm_cpuid_entry2);
    }
    return kvm_ioctl(vcpu, set_cpuid2, buffer.data());
}

} // namespace ktstr
