// Timer interrupts on every CPU at times that a seed determines. Each ends the turn of the vCPU in a single-threaded
// emulator and preempts the task on its CPU, so each seed gives a different interleaving.
#ifndef KTSTR_INTERRUPTS_H
#define KTSTR_INTERRUPTS_H

#include "base/failure.h"

#include <stdbool.h>
#include <stdint.h>

// Starts the interrupts, which run until the guest ends: on each CPU one at a time, `mean_ns` apart on average.
bool interrupts_start(uint64_t seed, uint64_t mean_ns, struct failure *failure);

#endif
