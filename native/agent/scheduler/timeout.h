// Sets the timeout of the kernel's own watchdog for a scheduler, from outside the scheduler. The timeout can only be
// set through the member timeout_ms of the struct sched_ext_ops that the scheduler hands to the kernel. A seccomp
// filter therefore holds the scheduler's bpf(2) calls that update a map, and timeout_ms is replaced in the call that
// hands over the struct.
#ifndef KTSTR_SCHEDULER_TIMEOUT_H
#define KTSTR_SCHEDULER_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

// Starts the process that replaces timeout_ms. Called in a child of the agent before it executes the scheduler. Returns
// false with errno set if the kernel lacks what this needs.
bool scheduler_timeout_set(uint32_t timeout_ms);

#endif
