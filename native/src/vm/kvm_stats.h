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
 * see the exits that never reach this process. Empty where KVM has none. Constant once made, so any thread may read.
 */
class KvmStats {
  public:
    /** Before the vCPU runs: later the request would wait until it stops. */
    explicit KvmStats(int vcpu);

    void add_to(std::map<std::string, uint64_t> &sums) const;

  private:
    struct Counter {
        std::string name;
        uint64_t offset;
    };
    FileDescriptor fd_;
    std::vector<Counter> counters_;
};

} // namespace ktstr

#endif
