// CLOCK_MONOTONIC for checkpoints: between two readings of the kernel's clock, at most a millisecond apart, by the
// CPU's time-stamp counter, which takes less than half as long to read. Only where the kernel itself keeps time by that
// counter: then it is the same on every CPU and never stops (arch/x86/kernel/tsc.c).
#ifndef KTSTR_TICK_H
#define KTSTR_TICK_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct tick_clock {
    uint64_t base;            // counter at the latest reading of the kernel's clock
    uint64_t base_ns;         // and what that said
    uint64_t scale;           // nanoseconds a tick, 32 binary places
    uint64_t span;            // ticks after `base` for which it serves; 0: not at all
    uint64_t first, first_ns; // the reading by which `scale` is measured
    uint32_t far_apart;       // interrupted readings in a row
    bool usable;
};

static inline uint64_t tick_count(void) { return __builtin_ia32_rdtsc(); }

// Asks the kernel whether the counter is its clock; a zeroed clock reads the kernel's own each time.
void tick_open(struct tick_clock *clock);

// Reads the kernel's clock, and goes on from there.
uint64_t tick_rebase(struct tick_clock *clock);

// `before`: a reading that this one must not come before. The two ways to read differ by some nanoseconds.
static inline uint64_t tick_ns(struct tick_clock *clock, uint64_t before) {
    uint64_t ticks = tick_count() - clock->base, ns;
    if (__builtin_expect(ticks < clock->span, 1))
        ns = clock->base_ns + (ticks * clock->scale >> 32);
    else
        ns = tick_rebase(clock);
    return ns > before ? ns : before;
}

#endif
