#include "vm/coalesced_writes.h"

namespace ktstr {

namespace {
constexpr size_t page_size = 4096;
/** KVM_COALESCED_MMIO_MAX. */
constexpr uint32_t ring_entries = (page_size - 2 * sizeof(uint32_t)) / sizeof(kvm_coalesced_mmio);
} // namespace

/** kvm_coalesced_mmio_ring, in which some versions of the kernel's header misplace the entries in C++ (see kvm.cc). */
struct CoalescedRing {
    uint32_t first;
    uint32_t last;
    kvm_coalesced_mmio writes[ring_entries];
};
static_assert(offsetof(CoalescedRing, writes) == 8 && sizeof(kvm_coalesced_mmio) == 24);

CoalescedWrites::CoalescedWrites(const Kvm &kvm, int vm, uint16_t port) {
    int page = kvm.extension(KVM_CAP_COALESCED_MMIO);
    if (page <= 0 || kvm.extension(KVM_CAP_COALESCED_PIO) <= 0)
        return;
    kvm_coalesced_mmio_zone zone{};
    zone.addr = port;
    zone.size = 1;
    zone.pio = 1;
    if (kvm_ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &zone) == 0)
        page_ = static_cast<size_t>(page);
}

void CoalescedWrites::find_ring(kvm_run *run, size_t run_size) {
    if (page_ > 0 && run_size >= (page_ + 1) * page_size)
        ring_ = reinterpret_cast<CoalescedRing *>(reinterpret_cast<uint8_t *>(run) + page_ * page_size);
}

void CoalescedWrites::deliver(const IoBus &ports) {
    if (ring_ == nullptr)
        return;
    // `first` only advances after the device has received the byte, so a thread that finds the ring empty comes after
    // all of its writes.
    if (__atomic_load_n(&ring_->first, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring_->last, __ATOMIC_ACQUIRE))
        return;
    std::lock_guard lock(mutex_);
    uint32_t first = ring_->first;
    while (first != __atomic_load_n(&ring_->last, __ATOMIC_ACQUIRE)) {
        const kvm_coalesced_mmio &write = ring_->writes[first];
        ports.write(write.phys_addr, write.data, write.len);
        first = (first + 1) % ring_entries;
        __atomic_store_n(&ring_->first, first, __ATOMIC_RELEASE);
    }
}

} // namespace ktstr
