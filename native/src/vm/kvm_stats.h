#ifndef KTSTR_VM_KVM_STATS_H
#define KTSTR_VM_KVM_STATS_H

#include <cstdint>
#include <map>
#include <string>

namespace ktstr {

/**
 * Adds the kernel's own counters of a vCPU (KVM_GET_STATS_FD: `halt_exits`, `halt_successful_poll`, `irq_exits` …),
 * which see the exits that never reach this process. Adds nothing where KVM has none. By any thread.
 */
void add_kvm_stats(int vcpu, std::map<std::string, uint64_t> &sums);

} // namespace ktstr

#endif
