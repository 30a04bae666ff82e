/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the scheduler share: its settings, its counters and how it ended. */
#ifndef KNOBS_H
#define KNOBS_H

#include <linux/types.h>
#include <stdbool.h>

#define NAME_LENGTH 64
#define REASON_LENGTH 128
#define MESSAGE_LENGTH 1024
/* What the kernel writes when ops.exit_dump_len is 0 (SCX_EXIT_DUMP_DFL_LEN). */
#define DUMP_LENGTH 32768
/* CPUs with a number below this can have an LLC queue of their own kind. */
#define MAX_CPUS 1024
#define MAX_LLCS 64

/* Settings. Read-only for the BPF half, so the verifier drops what they switch off. Times are nanoseconds since attach;
 * 0: never. */
struct knobs {
    __u64 slice_ns;
    /* Queues: one for all CPUs, or one for each LLC. */
    __u32 queues;
    __u32 cpus;

    __u64 stall_after_ns;
    __u64 error_after_ns;
    /* The pause in each second grows by this much a second. */
    __u64 degrade_ns;
    /* How long the tasks of the cgroup `starve` get nothing, from the moment the first of them waits in vain. */
    __u64 starve_ns;
    /* How long they must have run since their last sleep before that; 0: the first sleep is enough. */
    __u64 starve_ran_ns;
    char starve[NAME_LENGTH];
    /* The CPU that all tasks go to; negative: any. */
    __s32 only_cpu;
    bool ignore_cpusets;
    bool race;
    bool refuse_verify;
    bool verify_loop;
};

enum counter {
    /* Tasks sent straight to an idle CPU. */
    COUNT_IDLE,
    /* Tasks put into a shared queue. */
    COUNT_QUEUED,
    /* Tasks taken from the queue of another LLC. */
    COUNT_STOLEN,
    COUNTERS,
};

/* Filled by ops.exit; `kind` last. */
struct exit_report {
    __s64 code;
    __u32 kind;
    char reason[REASON_LENGTH];
    char message[MESSAGE_LENGTH];
    char dump[DUMP_LENGTH];
};

#endif
