#ifndef KTSTR_VM_KVM_STATS_H
#define KTSTR_VM_KVM_STATS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vm/file_descriptor.h"

namespace ktstr {

/**
 * The kernel's own counters of a vCPU (KVM_GET_STATS_FD: `halt_exits`, `halt_successful_poll`, `irq_exits` …), which
 * include exits that never reach this process. Constant after construction, so any thread may read them.
 */
class KvmStats {
  public:
    struct Counter {
        std::string name;
        uint64_t offset;
    };

    /** Must be constructed before the vCPU runs: later the request would wait until the vCPU stops. */
    explicit KvmStats(int vcpu);

    /** Returns the counters by ascending offset, the same for all vCPUs; empty if KVM has none. */
    std::vector<Counter> counters() const;
    /** Adds the values to `sums`. `counters` is the result of `counters()` of any vCPU. */
    void add_to(std::map<std::string, uint64_t> &sums, const std::vector<Counter> &counters) const;

  private:
    FileDescriptor fd_;
};

} // namespace ktstr

#endif
