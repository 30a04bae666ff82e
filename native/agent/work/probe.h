// What a worker measures of itself: checkpoints, gaps, migrations, wake latencies (docs/protocol.md, "Definitions").
// Everything is inline: with a checkpoint every 1024 work units and a latency per yield, function calls would have a
// measurable cost.
#ifndef KTSTR_PROBE_H
#define KTSTR_PROBE_H

#include "telemetry.h"
#include "tick.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/rseq.h>

enum { CHECKPOINT_UNITS = 1024 };

struct probe {
    struct telemetry *page;
    struct tick_clock clock;
    uint64_t now;    // latest clock reading
    uint64_t last;   // since when the worker has wanted to run: the start of the current gap
    uint32_t budget; // work units to the next checkpoint
    uint32_t cpu;
    uint64_t units; // work units up to the latest checkpoint
    uint64_t iterations;
    uint64_t random; // state of xorshift64*
};

// glibc registers rseq for every thread since 2.35. The kernel keeps the CPU number there, so reading it takes one
// load.
static inline uint32_t current_cpu(void) {
    if (__rseq_size >= 8) {
        const struct rseq *area = (const struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
        uint32_t cpu = *(const volatile uint32_t *)&area->cpu_id;
        if ((int32_t)cpu >= 0)
            return cpu;
    }
    return (uint32_t)sched_getcpu();
}

static inline uint64_t probe_random(struct probe *probe) {
    uint64_t x = probe->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    probe->random = x;
    return x * 0x2545f4914f6cdd1dull;
}

static inline uint64_t probe_below(struct probe *probe, uint64_t limit) {
    return (uint64_t)(((unsigned __int128)probe_random(probe) * limit) >> 64);
}

static inline bool stop_requested(const struct probe *probe) {
    return __atomic_load_n(&probe->page->stop, __ATOMIC_RELAXED) != 0;
}

static inline void note_cpu(struct telemetry *page, uint32_t cpu) {
    if (cpu < TELEMETRY_CPUS)
        page->cpus_used[cpu / 64] |= 1ull << (cpu % 64);
}

static inline void note_migration(struct probe *probe, uint32_t cpu) {
    struct telemetry *page = probe->page;
    if (page->migration_count < TELEMETRY_MIGRATIONS)
        page->migrations[page->migration_count] = (struct telemetry_migration){probe->cpu, cpu, probe->now};
    page->migration_count++;
    note_cpu(page, cpu);
    probe->cpu = cpu;
}

// Records a checkpoint at the clock reading probe->now.
static inline void checkpoint_here(struct probe *probe) {
    struct telemetry *page = probe->page;
    uint64_t gap = probe->now > probe->last ? probe->now - probe->last : 0;
    uint32_t cpu = current_cpu();
    if (__builtin_expect(cpu != probe->cpu, 0))
        note_migration(probe, cpu);
    if (__builtin_expect(gap > page->max_gap_ns, 0)) {
        page->max_gap_ns = gap;
        page->max_gap_at_ns = probe->now;
        page->max_gap_cpu = cpu;
    }
    probe->last = probe->now;
    probe->units += CHECKPOINT_UNITS - probe->budget;
    probe->budget = CHECKPOINT_UNITS;
    __atomic_store_n(&page->work_units, probe->units, __ATOMIC_RELAXED);
    __atomic_store_n(&page->last_ns, probe->now, __ATOMIC_RELAXED);
}

static inline void read_clock(struct probe *probe) { probe->now = tick_ns(&probe->clock, probe->now); }

static inline void checkpoint(struct probe *probe) {
    read_clock(probe);
    checkpoint_here(probe);
}

// Returns the start time of a call that may block. If no work was done since the last checkpoint, its clock reading is
// reused: the few nanoseconds of dispatch since then are less than the cost of another reading.
static inline uint64_t call_start(struct probe *probe) {
    if (probe->budget != CHECKPOINT_UNITS)
        checkpoint(probe);
    return probe->now;
}

// Marks the start of a call in which the worker wants to be away until `until` (AWAY_FOR_PARTNER: until a partner
// acts). If the worker dies inside the call, the agent knows that it was not starved.
#define AWAY_FOR_PARTNER UINT64_MAX
static inline void go_away(struct probe *probe, uint64_t until) {
    __atomic_store_n(&probe->page->away_until_ns, until, __ATOMIC_RELAXED);
}

// Returns when the worker could run again: `stamp`, limited to the duration of the call.
static inline uint64_t probe_ready(uint64_t start, uint64_t stamp, uint64_t end) {
    return stamp < start ? start : stamp > end ? end : stamp;
}

// Ends a call during which the worker was voluntarily away until `ready` (the start of the call: it never was away).
static inline void call_end(struct probe *probe, uint64_t start, uint64_t ready) {
    read_clock(probe);
    probe->last = probe_ready(start, ready, probe->now);
    __atomic_store_n(&probe->page->away_until_ns, 0, __ATOMIC_RELAXED);
    probe->budget--;
    checkpoint_here(probe);
}

// Keeps a uniform sample of all latencies (reservoir sampling, Algorithm R).
static inline void note_latency(struct probe *probe, uint64_t ns) {
    struct telemetry *page = probe->page;
    uint64_t seen = page->wake_seen++;
    if (__builtin_expect(page->wake_kept < TELEMETRY_LATENCIES, 1)) {
        page->latencies[page->wake_kept++] = ns;
        return;
    }
    uint64_t place = probe_below(probe, seen + 1);
    if (place < TELEMETRY_LATENCIES)
        page->latencies[place] = ns;
}

#endif
