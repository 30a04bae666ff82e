#ifndef KTSTR_VM_COALESCED_WRITES_H
#define KTSTR_VM_COALESCED_WRITES_H

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "vm/io_bus.h"
#include "vm/kvm.h"

namespace ktstr {

struct CoalescedRing;

/**
 * Port writes that KVM collects in a ring instead of exiting for each (Documentation/virt/kvm/api.rst, 4.116). They
 * reach their device before the next exit of any vCPU is handled, so a device sees all accesses in the guest's order.
 * Suitable for ports that a driver always accesses again soon after a write, such as a console whose transmitter status
 * is read before each byte.
 */
class CoalescedWrites {
  public:
    /** Coalesces byte writes to `port` from now on. Has no effect if KVM has no such ring. */
    CoalescedWrites(const Kvm &kvm, int vm, uint16_t port);
    CoalescedWrites(const CoalescedWrites &) = delete;
    CoalescedWrites &operator=(const CoalescedWrites &) = delete;

    /** Finds the ring in the `kvm_run` area of any vCPU, as all share one ring. Called before the first vCPU runs. */
    void find_ring(kvm_run *run, size_t run_size);

    /** Delivers the writes in the ring. Called by vCPU threads after every exit. */
    void deliver(const IoBus &ports);

  private:
    /** Page in the run area; 0: no ring. */
    size_t page_ = 0;
    CoalescedRing *ring_ = nullptr;
    std::mutex mutex_;
};

} // namespace ktstr

#endif
