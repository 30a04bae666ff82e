// Operations that change the worker itself: nice value, policy, affinity, executable.
#ifndef KTSTR_IDENTITY_H
#define KTSTR_IDENTITY_H

#include "interp.h"

void identity_nice(struct interp *interp, int nice);
void identity_policy(struct interp *interp, uint32_t policy, uint32_t priority);
// Sets the affinity according to `kind`: 0: a random CPU of the initial mask, 1: the initial mask, 2: `cpus`.
void identity_affinity(struct interp *interp, uint32_t kind, const struct cpu_list *cpus);
// Replaces the worker by the executable. If that can't be run, the worker exits with 126 or 127 like a shell.
void identity_exec(struct interp *interp, const struct exec_target *target);

#endif
