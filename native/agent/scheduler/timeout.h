// The kernel's own watchdog, set for a scheduler from outside of it. Its time is the member timeout_ms of the struct
// sched_ext_ops that the scheduler hands to the kernel, and there is no other way to it. So the scheduler's bpf(2)
// calls that update a map are held up by a seccomp filter, and in the one that hands over the struct the number is
// replaced.
#ifndef KTSTR_SCHEDULER_TIMEOUT_H
#define KTSTR_SCHEDULER_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

// In a child of the agent, before it becomes the scheduler: starts the process that replaces the number. False with
// errno when the kernel can't do it.
bool scheduler_timeout_set(uint32_t timeout_ms);

#endif
