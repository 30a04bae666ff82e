/* kvm-probe: prints what kvm_probe() found as one line of JSON. Exit code 0 whenever it could say so. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "kvm_probe.h"

#define DEADLINE_MS 2000

static void interrupted(int signal) { (void)signal; }

int main(void) {
    /* No SA_RESTART: KVM_RUN ends with EINTR. Repeated, lest the first comes just before the call. */
    struct sigaction action = {.sa_handler = interrupted};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_sec = DEADLINE_MS / 1000}, .it_interval = {.tv_usec = 50000}};
    setitimer(ITIMER_REAL, &timer, NULL);

    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t deadline = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec + DEADLINE_MS * 1000000ULL;
    struct kvm_probe_result result;
    kvm_probe(deadline, &result);
    printf("{\"verdict\":\"%s\",\"reason\":\"%s\"", kvm_probe_verdict_name(result.verdict), result.reason);
    if (result.guest_ns > 0 && result.host_ns > 0)
        printf(",\"ratio\":%.2f", (double)result.guest_ns / (double)result.host_ns);
    printf("}\n");
    return 0;
}
