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
 * see the exits that never reach this process. Constant once made, so any thread may read.
 */
class KvmStats {
  public:
    struct Counter {
        std::string name;
        uint64_t offset;
    };

    /** Before the vCPU runs: later the request would wait until it stops. */
    explicit KvmStats(int vcpu);

    /** By ascending offset, the same for all vCPUs; empty where KVM has none. */
    std::vector<Counter> counters() const;
    /** `counters`: what `counters()` of any vCPU gave. */
    void add_to(std::map<std::string, uint64_t> &sums, const std::vector<Counter> &counters) const;

  private:
    FileDescriptor fd_;
};

} // namespace ktstr

#endif
