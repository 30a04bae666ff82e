/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The members of the kernel's struct sched_ext_ops (kernel/sched/ext.c; kernel/sched/ext/internal.h since 7.2) that
 * this scheduler sets. libbpf finds each member in the running kernel by its name, so neither their order nor missing
 * members matter.
 */
#ifndef SCHED_EXT_OPS_H
#define SCHED_EXT_OPS_H

#include <linux/types.h>

struct task_struct;
struct scx_init_task_args;
struct scx_exit_info;

struct sched_ext_ops {
    __s32 (*select_cpu)(struct task_struct *task, __s32 previous, __u64 wake_flags);
    void (*enqueue)(struct task_struct *task, __u64 flags);
    void (*dispatch)(__s32 cpu, struct task_struct *previous);
    void (*running)(struct task_struct *task);
    void (*stopping)(struct task_struct *task, _Bool runnable);
    void (*quiescent)(struct task_struct *task, __u64 flags);
    __s32 (*init_task)(struct task_struct *task, struct scx_init_task_args *args);
    void (*enable)(struct task_struct *task);
    __s32 (*init)(void);
    void (*exit)(struct scx_exit_info *info);
    __u64 flags;
    __u32 timeout_ms;
    char name[128];
};

/* Tasks that are alone on their CPU are also passed to ops.enqueue when their slice ends. */
#define SCX_OPS_ENQ_LAST (1ull << 1)

#endif
