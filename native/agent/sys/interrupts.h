// Timer interrupts at moments that a seed names, on every CPU. Each ends the turn of the vCPU that an emulator of one
// thread runs, and preempts what its CPU runs, so another seed is another interleaving.
#ifndef KTSTR_INTERRUPTS_H
#define KTSTR_INTERRUPTS_H

#include "base/failure.h"

#include <stdbool.h>
#include <stdint.h>

// From now on to the guest's end: on each CPU one at a time, `mean_ns` apart on average.
bool interrupts_start(uint64_t seed, uint64_t mean_ns, struct failure *failure);

#endif
