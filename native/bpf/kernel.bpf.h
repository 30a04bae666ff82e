/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the kernel that this scheduler uses. libbpf relocates every access with the BTF of the running kernel
 * (CO-RE), so this replaces a vmlinux.h, which would describe the kernel of the build machine.
 *
 * From 6.12 to 7.x kfuncs were renamed and their arguments changed. Each form is declared weak; the verifier drops
 * calls of forms that the kernel lacks as dead code. libbpf compares names up to the first ___.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "sched_ext_ops.h"

#define kernel_type __attribute__((preserve_access_index))

/* Only pointers to this struct are used, but libbpf wants a struct wherever the kernel has one. */
struct cpumask {
    unsigned long bits[1];
} kernel_type;

struct kernfs_node {
    const char *name;
} kernel_type;

struct cgroup;

struct cgroup_subsys_state {
    struct cgroup *cgroup;
    struct cgroup_subsys_state *parent;
} kernel_type;

struct cgroup {
    struct cgroup_subsys_state self;
    struct kernfs_node *kn;
} kernel_type;

struct css_set {
    struct cgroup *dfl_cgrp;
} kernel_type;

struct sched_ext_entity {
    __u32 weight;
} kernel_type;

struct task_struct {
    unsigned int __state;
    unsigned int flags;
    int nr_cpus_allowed;
    const struct cpumask *cpus_ptr;
    struct css_set *cgroups;
    struct sched_ext_entity scx;
} kernel_type;

enum scx_exit_kind { SCX_EXIT_NONE };

struct scx_exit_info {
    enum scx_exit_kind kind;
    __s64 exit_code;
    const char *reason;
    char *msg;
    char *dump;
} kernel_type;

/* include/linux/sched.h */
#define TASK_INTERRUPTIBLE 0x1
#define PF_KTHREAD 0x00200000

/* kernel/sched/ext/internal.h and include/linux/sched/ext.h; the same since 6.12. */
#define SCX_DSQ_LOCAL ((1ull << 63) | 2)
#define SCX_DSQ_LOCAL_ON ((1ull << 63) | (1ull << 62))
#define SCX_ENQ_WAKEUP 1ull
#define SCX_ENQ_LAST (1ull << 41)
#define SCX_DEQ_SLEEP 1ull
#define SCX_KICK_IDLE 1ull
#define SCX_KICK_PREEMPT 2ull

__s32 scx_bpf_create_dsq(__u64 queue, __s32 node) __ksym;
__s32 scx_bpf_select_cpu_dfl(struct task_struct *task, __s32 previous, __u64 wake_flags, bool *idle) __ksym;
__s32 scx_bpf_pick_idle_cpu(const struct cpumask *allowed, __u64 flags) __ksym;
__s32 scx_bpf_task_cpu(const struct task_struct *task) __ksym;
__s32 scx_bpf_dsq_nr_queued(__u64 queue) __ksym;
void scx_bpf_kick_cpu(__s32 cpu, __u64 flags) __ksym;
void scx_bpf_error_bstr(char *format, unsigned long long *data, __u32 size) __ksym;
bool bpf_cpumask_test_cpu(__u32 cpu, const struct cpumask *mask) __ksym;

/* 6.12; renamed in 6.13; since 6.19 the second form returns whether it succeeded. */
void scx_bpf_dispatch(struct task_struct *task, __u64 queue, __u64 slice, __u64 flags) __ksym __weak;
void scx_bpf_dsq_insert___v1(struct task_struct *task, __u64 queue, __u64 slice, __u64 flags) __ksym __weak;
bool scx_bpf_dsq_insert___v2___named(struct task_struct *task, __u64 queue, __u64 slice, __u64 flags) __ksym __weak;

static inline void insert(struct task_struct *task, __u64 queue, __u64 slice, __u64 flags) {
    if (bpf_ksym_exists(scx_bpf_dsq_insert___v2___named))
        scx_bpf_dsq_insert___v2___named(task, queue, slice, flags);
    else if (bpf_ksym_exists(scx_bpf_dsq_insert___v1))
        scx_bpf_dsq_insert___v1(task, queue, slice, flags);
    else
        scx_bpf_dispatch(task, queue, slice, flags);
}

/* 6.12; renamed in 6.13; since 6.19 the arguments are passed in a struct, and the old form is kept for some releases.
 */
struct scx_bpf_dsq_insert_vtime_args {
    __u64 dsq_id;
    __u64 slice;
    __u64 vtime;
    __u64 enq_flags;
} kernel_type;

void scx_bpf_dispatch_vtime(struct task_struct *task, __u64 queue, __u64 slice, __u64 vtime, __u64 flags) __ksym __weak;
void scx_bpf_dsq_insert_vtime(struct task_struct *task, __u64 queue, __u64 slice, __u64 vtime,
                              __u64 flags) __ksym __weak;
bool __scx_bpf_dsq_insert_vtime(struct task_struct *task, struct scx_bpf_dsq_insert_vtime_args *args) __ksym __weak;

static inline void insert_by_vtime(struct task_struct *task, __u64 queue, __u64 slice, __u64 vtime, __u64 flags) {
    if (bpf_core_type_exists(struct scx_bpf_dsq_insert_vtime_args)) {
        struct scx_bpf_dsq_insert_vtime_args args = {
            .dsq_id = queue, .slice = slice, .vtime = vtime, .enq_flags = flags};
        __scx_bpf_dsq_insert_vtime(task, &args);
    } else if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime)) {
        scx_bpf_dsq_insert_vtime(task, queue, slice, vtime, flags);
    } else {
        scx_bpf_dispatch_vtime(task, queue, slice, vtime, flags);
    }
}

/* 6.12; renamed in 6.13; with flags since 7.1. */
bool scx_bpf_consume(__u64 queue) __ksym __weak;
bool scx_bpf_dsq_move_to_local___v1(__u64 queue) __ksym __weak;
bool scx_bpf_dsq_move_to_local___v2___named(__u64 queue, __u64 flags) __ksym __weak;

static inline bool move_to_local(__u64 queue) {
    if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v2___named))
        return scx_bpf_dsq_move_to_local___v2___named(queue, 0);
    if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v1))
        return scx_bpf_dsq_move_to_local___v1(queue);
    return scx_bpf_consume(queue);
}

/* Ends the scheduler; the kernel returns its tasks to the fair class. Takes a format and one number. */
#define fail(text, number)                                                                                             \
    ({                                                                                                                 \
        static char format[] = text;                                                                                   \
        unsigned long long data[] = {number};                                                                          \
        scx_bpf_error_bstr(format, data, sizeof data);                                                                 \
    })

#endif
