/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the scheduler share: settings, counters and the exit report. */
#ifndef KNOBS_H
#define KNOBS_H

#include <linux/types.h>
#include <stdbool.h>

#define NAME_LENGTH 64
#define REASON_LENGTH 128
#define MESSAGE_LENGTH 1024
/* The length of the kernel's dump if ops.exit_dump_len is 0 (SCX_EXIT_DUMP_DFL_LEN). */
#define DUMP_LENGTH 32768
/* CPUs with a number below this can be assigned to the queue of their LLC. */
#define MAX_CPUS 1024
#define MAX_LLCS 64

/* Settings. They are read-only for the BPF half, so the verifier drops the code that they disable. Times are
 * nanoseconds since attach; 0: never. */
struct knobs {
    __u64 slice_ns;
    /* Number of queues: one for all CPUs, or one for each LLC. */
    __u32 queues;
    __u32 cpus;

    __u64 stall_after_ns;
    __u64 error_after_ns;
    /* The pause in each second grows by this much from second to second. */
    __u64 degrade_ns;
    /* How long the tasks of the cgroup `starve` get no CPU, counted from when the first of them is withheld. */
    __u64 starve_ns;
    /* How long these tasks must first have run since their last sleep; 0: the first sleep is enough. */
    __u64 starve_ran_ns;
    char starve[NAME_LENGTH];
    /* The CPU that gets all tasks; negative: any. */
    __s32 only_cpu;
    bool ignore_cpusets;
    bool race;
    bool refuse_verify;
    bool verify_loop;
};

enum counter {
    /* Tasks sent directly to an idle CPU. */
    COUNT_IDLE,
    /* Tasks put into a shared queue. */
    COUNT_QUEUED,
    /* Tasks taken from the queue of another LLC. */
    COUNT_STOLEN,
    COUNTERS,
};

/* Filled in by ops.exit, `kind` last. */
struct exit_report {
    __s64 code;
    __u32 kind;
    char reason[REASON_LENGTH];
    char message[MESSAGE_LENGTH];
    char dump[DUMP_LENGTH];
};

#endif
