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
 * Port writes that KVM keeps in a ring instead of leaving the guest for each (Documentation/virt/kvm/api.rst, 4.116).
 * They reach their device before the next exit of whichever vCPU is handled, so that a device sees all accesses in the
 * guest's order. For ports that a driver never writes to without another access soon after: a console whose transmitter
 * is asked before each byte.
 */
class CoalescedWrites {
  public:
    /** Writes of a byte to `port` from now on; without effect where KVM has no such ring. */
    CoalescedWrites(const Kvm &kvm, int vm, uint16_t port);
    CoalescedWrites(const CoalescedWrites &) = delete;
    CoalescedWrites &operator=(const CoalescedWrites &) = delete;

    /** All vCPUs share one ring; any one's `kvm_run` area shows it. Before the first of them runs. */
    void find_ring(kvm_run *run, size_t run_size);

    /** Hands over what is in the ring. For vCPU threads, after every exit. */
    void deliver(const IoBus &ports);

  private:
    /** Page of the run area; 0: there is none. */
    size_t page_ = 0;
    CoalescedRing *ring_ = nullptr;
    std::mutex mutex_;
};

} // namespace ktstr

#endif
