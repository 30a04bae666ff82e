/*
 * Checks whether /dev/kvm is usable. The device node alone proves little: a KVM that interprets guest code takes
 * minutes to boot a kernel and lacks instructions that kernels need.
 */
#ifndef KTSTR_KVM_PROBE_H
#define KTSTR_KVM_PROBE_H

#include <stdint.h>

enum kvm_probe_verdict {
    KVM_PROBE_USABLE,
    KVM_PROBE_TOO_SLOW,
    KVM_PROBE_WRONG,
    KVM_PROBE_ABSENT,
    KVM_PROBE_DENIED,
};

struct kvm_probe_result {
    enum kvm_probe_verdict verdict;
    /* One line without quotes or control characters, in English. */
    char reason[256];
    /* Time of the measured loop in the guest and on the host; 0 if the loop was not reached. */
    uint64_t guest_ns;
    uint64_t host_ns;
};

/*
 * Opens /dev/kvm, runs a few dozen bytes of 64-bit ring-0 code on one vCPU and judges the result. Never blocks beyond
 * `deadline_ns` (CLOCK_MONOTONIC) if the caller arranges for a signal to interrupt KVM_RUN after that time. The
 * function arms no signal itself, so that a host process with its own handlers can link it. Always fills in `result`.
 */
void kvm_probe(uint64_t deadline_ns, struct kvm_probe_result *result);

/* Returns the words of the verdict that the host's typed wrapper reads. */
const char *kvm_probe_verdict_name(enum kvm_probe_verdict verdict);

#endif
