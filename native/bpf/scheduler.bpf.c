/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fair scheduler: tasks wait in the order of their virtual time, which advances by the CPU time they got, scaled by
 * the inverse of their weight. There is one queue for all CPUs, or one for each LLC.
 */
#include "kernel.bpf.h"
#include "knobs.h"

char _license[] SEC("license") = "GPL";

const volatile struct knobs knobs SEC(".rodata.knobs") = {};
/* The number of each CPU's queue. */
const volatile __u16 queue_of[MAX_CPUS] SEC(".rodata.queue_of") = {};
struct exit_report exit_report SEC(".data.exit") = {};

struct task {
    __u64 vtime;
    /* When the task last got a CPU. */
    __u64 since;
    /* How long the task has run since it last slept. */
    __u64 ran;
    /* member: in the cgroup to starve. starved: has begun its work and may be withheld. */
    bool member, starved;
};

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct task);
} tasks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

static __u64 attached_at;
/* The largest virtual time of the tasks that have run. Racing writes lose at most one step. */
static __u64 vtime_now;

static inline void count(__u32 counter) {
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        (*value)++;
}

static inline bool before(__u64 a, __u64 b) { return (__s64)(a - b) < 0; }

static inline __u32 own_queue(__s32 cpu) { return cpu >= 0 && cpu < MAX_CPUS ? queue_of[cpu] : 0; }

#include "misbehave.bpf.h"

SEC("struct_ops/select_cpu")
__s32 BPF_PROG(ktstr_select_cpu, struct task_struct *task, __s32 previous, __u64 wake_flags) {
    bool idle = false;
    __s32 cpu = scx_bpf_select_cpu_dfl(task, previous, wake_flags, &idle);
    if (idle && !withheld(task)) {
        count(COUNT_IDLE);
        insert(task, SCX_DSQ_LOCAL, knobs.slice_ns, 0);
    }
    return cpu;
}

SEC("struct_ops/enqueue")
void BPF_PROG(ktstr_enqueue, struct task_struct *task, __u64 flags) {
    if (misplaced(task, flags))
        return;
    /* Kernel threads go first; they work for everyone and need little time. A task that is alone on its CPU continues.
     */
    if (task->flags & PF_KTHREAD || (flags & SCX_ENQ_LAST && !held_back())) {
        insert(task, SCX_DSQ_LOCAL, knobs.slice_ns, flags);
        return;
    }
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    if (!own)
        return fail("a task without storage (queue %llu)", 0);
    /* A task that slept gets at most one slice ahead of the others. */
    if (before(own->vtime, vtime_now - knobs.slice_ns))
        own->vtime = vtime_now - knobs.slice_ns;
    insert_by_vtime(task, own_queue(scx_bpf_task_cpu(task)), knobs.slice_ns, own->vtime, flags);
    count(COUNT_QUEUED);
    /* ops.select_cpu is not called for a task that was moved or has only one CPU, so an idle CPU may be able to run it.
     */
    __s32 cpu = scx_bpf_pick_idle_cpu(task->cpus_ptr, 0);
    if (cpu >= 0)
        scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
}

SEC("struct_ops/dispatch")
void BPF_PROG(ktstr_dispatch, __s32 cpu, struct task_struct *previous) {
    if (held_back() || amends())
        return;
    look_around(cpu);
    __u32 own = own_queue(cpu);
    if (knobs.queues <= 1) {
        move_to_local(own);
        return;
    }
    /* The longest queue of another LLC goes first if it is longer than the own queue by two, so that no LLC falls
     * behind. */
    __u32 longest = own;
    __s32 length = scx_bpf_dsq_nr_queued(own) + 1;
    for (__u32 queue = 0; queue < MAX_LLCS; queue++) {
        if (queue >= knobs.queues)
            break;
        __s32 queued = scx_bpf_dsq_nr_queued(queue);
        if (queued > length) {
            longest = queue;
            length = queued;
        }
    }
    if (longest != own && move_to_local(longest)) {
        count(COUNT_STOLEN);
        return;
    }
    if (move_to_local(own))
        return;
    for (__u32 queue = 0; queue < MAX_LLCS; queue++) {
        if (queue >= knobs.queues)
            return;
        if (queue != own && move_to_local(queue)) {
            count(COUNT_STOLEN);
            return;
        }
    }
}

SEC("struct_ops/running")
void BPF_PROG(ktstr_running, struct task_struct *task) {
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    if (!own)
        return;
    own->since = bpf_ktime_get_ns();
    note_running(task, own->since);
    if (before(vtime_now, own->vtime))
        vtime_now = own->vtime;
}

SEC("struct_ops/stopping")
void BPF_PROG(ktstr_stopping, struct task_struct *task, bool runnable) {
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    if (own) {
        __u64 ran = bpf_ktime_get_ns() - own->since;
        own->vtime += ran * 100 / task->scx.weight;
        if (knobs.starve_ran_ns && own->member) {
            own->ran += ran;
            own->starved |= own->ran >= knobs.starve_ran_ns;
        }
    }
    note_running(task, 0);
}

SEC("struct_ops/quiescent")
void BPF_PROG(ktstr_quiescent, struct task_struct *task, __u64 flags) {
    if (!knobs.starve[0] || !(flags & SCX_DEQ_SLEEP) || !(task->__state & TASK_INTERRUPTIBLE))
        return;
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    if (!own || own->starved)
        return;
    own->member = in_cgroup(task);
    own->ran = 0;
    own->starved = own->member && !knobs.starve_ran_ns;
}

SEC("struct_ops.s/init_task")
__s32 BPF_PROG(ktstr_init_task, struct task_struct *task, struct scx_init_task_args *args) {
    return bpf_task_storage_get(&tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE) ? 0 : -12 /* ENOMEM */;
}

SEC("struct_ops/enable")
void BPF_PROG(ktstr_enable, struct task_struct *task) {
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    if (own)
        own->vtime = vtime_now;
}

SEC("struct_ops.s/init")
__s32 BPF_PROG(ktstr_init) {
    attached_at = bpf_ktime_get_ns();
    for (__u32 queue = 0; queue < MAX_LLCS; queue++) {
        if (queue >= knobs.queues)
            break;
        __s32 error = scx_bpf_create_dsq(queue, -1);
        if (error)
            return error;
    }
    return prepare_to_misbehave();
}

SEC("struct_ops/exit")
void BPF_PROG(ktstr_exit, struct scx_exit_info *info) {
    bpf_probe_read_kernel_str(exit_report.reason, REASON_LENGTH, info->reason);
    bpf_probe_read_kernel_str(exit_report.message, MESSAGE_LENGTH, info->msg);
    bpf_probe_read_kernel_str(exit_report.dump, DUMP_LENGTH, info->dump);
    exit_report.code = info->exit_code;
    /* A full barrier: a reader that sees the kind sees the rest too. */
    __sync_val_compare_and_swap(&exit_report.kind, 0, info->kind);
}

SEC(".struct_ops.link")
struct sched_ext_ops ktstr_ops = {
    .select_cpu = (void *)ktstr_select_cpu,
    .enqueue = (void *)ktstr_enqueue,
    .dispatch = (void *)ktstr_dispatch,
    .running = (void *)ktstr_running,
    .stopping = (void *)ktstr_stopping,
    .quiescent = (void *)ktstr_quiescent,
    .init_task = (void *)ktstr_init_task,
    .enable = (void *)ktstr_enable,
    .init = (void *)ktstr_init,
    .exit = (void *)ktstr_exit,
    .name = "ktstr",
};
