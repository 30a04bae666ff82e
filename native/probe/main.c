/* kvm-probe: prints the result of kvm_probe() as one line of JSON and exits with 0. */
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <x86intrin.h>

#include "kvm_probe.h"

#define DEADLINE_MS 2000
#define TSC_SPAN_NS 10000000ULL

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Reads the clock and the counter together: of many attempts returns the clock reading that is most closely enclosed by
 * counter readings, and stores the counter's value at that time. */
static uint64_t moment(uint64_t *ticks) {
    uint64_t at = 0, closest = UINT64_MAX;
    for (int i = 0; i < 100; i++) {
        uint64_t before = __rdtsc(), ns = now_ns(), after = __rdtsc();
        if (after - before < closest) {
            closest = after - before;
            *ticks = before + closest / 2;
            at = ns;
        }
    }
    return at;
}

/* Returns the rate of the time-stamp counter in kHz, or 0 if the rate is not constant (Intel SDM volume 3, 18.17.1).
 * Emulated guests read the counter directly. */
static uint64_t tsc_khz(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) || !(edx & 1U << 8))
        return 0;
    uint64_t first, last, begun = moment(&first), ended;
    do
        ended = moment(&last);
    while (ended - begun < TSC_SPAN_NS);
    return (uint64_t)((double)(last - first) * 1e6 / (double)(ended - begun) + 0.5);
}

static void interrupted(int signal) { (void)signal; }

int main(void) {
    /* Without SA_RESTART, KVM_RUN fails with EINTR. The timer repeats because the first signal may arrive just before
     * the call. */
    struct sigaction action = {.sa_handler = interrupted};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_sec = DEADLINE_MS / 1000}, .it_interval = {.tv_usec = 50000}};
    setitimer(ITIMER_REAL, &timer, NULL);

    uint64_t deadline = now_ns() + DEADLINE_MS * 1000000ULL;
    struct kvm_probe_result result;
    kvm_probe(deadline, &result);
    printf("{\"verdict\":\"%s\",\"reason\":\"%s\"", kvm_probe_verdict_name(result.verdict), result.reason);
    if (result.guest_ns > 0 && result.host_ns > 0)
        printf(",\"ratio\":%.2f", (double)result.guest_ns / (double)result.host_ns);
    uint64_t khz = tsc_khz();
    if (khz > 0)
        printf(",\"tscKhz\":%llu", (unsigned long long)khz);
    printf("}\n");
    return 0;
}
