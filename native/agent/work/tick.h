// CLOCK_MONOTONIC for checkpoints. Between two readings of the kernel's clock, at most a millisecond apart, time is
// interpolated with the CPU's time-stamp counter, which takes less than half as long to read. The counter is only used
// if it is the kernel's own clock source: then it is the same on every CPU and never stops (arch/x86/kernel/tsc.c).
#ifndef KTSTR_TICK_H
#define KTSTR_TICK_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct tick_clock {
    uint64_t base;            // counter value at the latest reading of the kernel's clock
    uint64_t base_ns;         // kernel's clock at that reading
    uint64_t scale;           // nanoseconds per tick, with 32 fractional bits
    uint64_t span;            // ticks after `base` for which the scale may be used; 0: not at all
    uint64_t first, first_ns; // the reading from which `scale` is measured
    uint32_t far_apart;       // number of interrupted readings in a row
    bool usable;
};

static inline uint64_t tick_count(void) { return __builtin_ia32_rdtsc(); }

// Asks the kernel whether the counter is its clock source. A zeroed tick_clock reads the kernel's clock each time.
void tick_open(struct tick_clock *clock);

// Reads the kernel's clock and makes the reading the new base. Returns the reading.
uint64_t tick_rebase(struct tick_clock *clock);

// Returns the time, but never less than `before`, the previous reading: the two ways to read differ by some
// nanoseconds.
static inline uint64_t tick_ns(struct tick_clock *clock, uint64_t before) {
    uint64_t ticks = tick_count() - clock->base, ns;
    if (__builtin_expect(ticks < clock->span, 1))
        ns = clock->base_ns + (ticks * clock->scale >> 32);
    else
        ns = tick_rebase(clock);
    return ns > before ? ns : before;
}

#endif
