#include "tick.h"

#include "base/textfile.h"

#include <string.h>

// This long after the first reading the scale is known to a few parts per million: some nanoseconds per span.
static const uint64_t calibration_ns = 10000000;
static const uint64_t span_ns = 1000000;
// A clock reading between two counter readings that are further apart than this was interrupted and is too imprecise.
static const uint64_t close_ticks = 1000;
static const uint32_t far_apart_limit = 100;
// A deviation larger than clock discipline (500 ppm of a span) and a late reading can explain: the counter can't be
// trusted.
static const uint64_t trust_ns = 5000;

void tick_open(struct tick_clock *clock) {
    char source[32];
    *clock = (struct tick_clock){0};
    textfile_read("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof source);
    clock->usable = strcmp(source, "tsc") == 0;
}

uint64_t tick_rebase(struct tick_clock *clock) {
    if (!clock->usable)
        return now_ns();
    uint64_t before = tick_count(), ns = now_ns(), after = tick_count();
    if (after - before > close_ticks) {
        // If this happens every time, the counter is slow to read, as in an emulator.
        clock->usable = ++clock->far_apart < far_apart_limit;
        clock->span = 0;
        return ns;
    }
    clock->far_apart = 0;
    uint64_t count = before + (after - before) / 2;
    if (!clock->first) {
        clock->first = count;
        clock->first_ns = ns;
    }
    if (clock->span && count - clock->base < 4 * clock->span) {
        uint64_t expected = clock->base_ns + (uint64_t)((unsigned __int128)(count - clock->base) * clock->scale >> 32);
        if ((expected > ns ? expected - ns : ns - expected) > trust_ns)
            clock->usable = false;
    }
    clock->base = count;
    clock->base_ns = ns;
    clock->span = 0;
    if (clock->usable && ns - clock->first_ns >= calibration_ns && count > clock->first) {
        unsigned __int128 passed = (unsigned __int128)(ns - clock->first_ns) << 32;
        clock->scale = (uint64_t)(passed / (count - clock->first));
        clock->span = clock->scale ? (span_ns << 32) / clock->scale : 0;
    }
    return ns;
}
