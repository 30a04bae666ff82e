// The page that a worker shares with the agent. It carries the stop request one way and all measurements the other way,
// and it survives the worker. A program run by `exec` maps it from the path in KTSTR_TELEMETRY; docs/protocol.md lists
// the offsets.
#ifndef KTSTR_TELEMETRY_H
#define KTSTR_TELEMETRY_H

#include <stdint.h>

enum {
    TELEMETRY_MIGRATIONS = 1024,
    TELEMETRY_LATENCIES = 100000,
    TELEMETRY_CPUS = 4096,
    TELEMETRY_NODES = 64,
};

#define TELEMETRY_MAGIC 0x4c4554525453544bull // "KTSTRTEL" in memory order

struct telemetry_migration {
    uint32_t from, to;
    uint64_t time_ns;
};

struct telemetry_sched {
    uint64_t cpu_ns, delay_ns, times; // /proc/<pid>/schedstat
};

struct telemetry {
    uint64_t magic;
    uint32_t version;
    uint32_t stop; // set by the agent
    uint64_t iterations;
    uint64_t work_units;
    uint64_t max_gap_ns;
    uint64_t max_gap_at_ns; // absolute; the report gives it relative to the start
    uint32_t max_gap_cpu;
    uint32_t wake_kept;
    uint64_t wake_seen;
    uint64_t migration_count;
    uint64_t start_ns, end_ns; // end_ns 0: the worker did not reach its end
    uint64_t cpu_start_ns, cpu_end_ns;
    struct telemetry_sched sched_start, sched_end;
    uint64_t migrated_start, migrated_end; // /proc/vmstat numa_pages_migrated
    uint32_t ready;                        // futex: 1 set up, 2 failed
    int32_t ready_errno;
    uint32_t execed;
    uint32_t refused_policies;
    uint32_t failures; // operations that failed
    int32_t failure_errno;
    uint32_t failure_op;
    uint32_t start_offset_ns; // nanoseconds from the release to its start
    uint64_t child_ns;        // time of the last act of the child of forkExit
    uint64_t last_ns;         // time of the latest checkpoint
    uint64_t away_until_ns; // in a blocking call: until when it wants to be away; ~0: until a partner acts; 0: not away
    uint64_t numa_pages[TELEMETRY_NODES];
    uint64_t cpus_used[TELEMETRY_CPUS / 64];
    struct telemetry_migration migrations[TELEMETRY_MIGRATIONS];
    uint64_t latencies[TELEMETRY_LATENCIES];
};

// Maps a new zeroed page, backed by the file `*fd`. Returns NULL with errno set on failure.
struct telemetry *telemetry_create(int *fd);
void telemetry_free(struct telemetry *telemetry);

#endif
