/*
 * Is /dev/kvm of use? A device node says little: a KVM that interprets guest code takes minutes to boot a kernel and
 * lacks instructions that kernels need.
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
    /* Time of the measured loop in the guest and on the host; 0 when it was not reached. */
    uint64_t guest_ns;
    uint64_t host_ns;
};

/*
 * Opens /dev/kvm, runs a few dozen bytes of 64-bit ring-0 code on one vCPU and judges. Never blocks beyond
 * `deadline_ns` (CLOCK_MONOTONIC) as long as the caller has a signal interrupt KVM_RUN after that moment; it arms none
 * itself, so that a host process with handlers of its own can link it. Always fills `result`.
 */
void kvm_probe(uint64_t deadline_ns, struct kvm_probe_result *result);

/* The words of the verdict, as the host's typed wrapper reads them. */
const char *kvm_probe_verdict_name(enum kvm_probe_verdict verdict);

#endif
