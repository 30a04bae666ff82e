/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The knobs that make the scheduler misbehave, for tests of the code that judges schedulers. A scheduler copied from
 * this one does not need this file: remove it together with the calls of withheld(), misplaced(), held_back(),
 * amends(), note_running(), look_around() and prepare_to_misbehave().
 */

/* Holds the tasks of the starved cgroup. */
#define STARVED_QUEUE (MAX_LLCS + 1)
/* Idle CPUs do not ask for work by themselves, so they are kicked at this interval in case a pause is over. */
#define KICK_INTERVAL_NS 20000000ull
#define SECOND_NS 1000000000ull

struct kick_timer {
    struct bpf_timer timer;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct kick_timer);
} kick_timers SEC(".maps");

/* When a task of the starved cgroup was withheld for the first time. */
static __u64 starved_at;

/* Since when the current task has had the CPU; 0: no task of this scheduler has it. For `race`. */
static volatile __u64 running_since[MAX_CPUS];

static inline __u64 elapsed(void) { return bpf_ktime_get_ns() - attached_at; }

static inline bool starving(void) { return starved_at == 0 || bpf_ktime_get_ns() - starved_at < knobs.starve_ns; }

static inline void note_running(struct task_struct *task, __u64 now) {
    __u32 cpu = scx_bpf_task_cpu(task);
    if (knobs.race && cpu < MAX_CPUS)
        running_since[cpu] = now;
}

/*
 * Looks for a CPU whose task has had it for too long. This contains the race: without a lock it first checks whether
 * there is a task and then reads since when. A task that leaves in between seems to have had its CPU since the machine
 * started.
 */
static inline void look_around(__s32 own) {
    if (!knobs.race)
        return;
    for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < knobs.cpus; cpu++) {
        if (cpu == (__u32)own || !running_since[cpu])
            continue;
        /* The limit is lower if other tasks wait. */
        __u64 limit = scx_bpf_dsq_nr_queued(own_queue(cpu)) > 0 ? 4 * knobs.slice_ns : 64 * knobs.slice_ns;
        __u64 since = running_since[cpu];
        __u64 had = bpf_ktime_get_ns() - since;
        if (had > elapsed())
            fail("a task had its CPU for %llu ms, longer than it has been there", had / 1000000);
        if (had > limit)
            scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
    }
}

/* Returns whether nothing may be dispatched now. */
static inline bool held_back(void) {
    if (knobs.stall_after_ns && elapsed() >= knobs.stall_after_ns)
        return true;
    if (knobs.degrade_ns) {
        __u64 time = elapsed();
        return time % SECOND_NS < time / SECOND_NS * knobs.degrade_ns;
    }
    return false;
}

/* Returns whether the task's cgroup or one of its ancestors has the name of the cgroup to starve. */
static bool in_cgroup(struct task_struct *task) {
    struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
    for (int depth = 0; cgroup && depth < 16; depth++) {
        char name[NAME_LENGTH] = {};
        bpf_probe_read_kernel_str(name, sizeof name, BPF_CORE_READ(cgroup, kn, name));
        int i = 0;
        while (i < NAME_LENGTH - 1 && name[i] == knobs.starve[i] && name[i])
            i++;
        if (name[i & (NAME_LENGTH - 1)] == knobs.starve[i & (NAME_LENGTH - 1)])
            return true;
        struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);
        cgroup = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
    }
    return false;
}

static inline bool is_starved(struct task_struct *task) {
    if (!knobs.starve[0])
        return false;
    struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
    return own && own->starved && starving();
}

/* Returns whether an idle CPU must stay idle although this task could use it. */
static inline bool withheld(struct task_struct *task) {
    if (task->flags & PF_KTHREAD)
        return false;
    return held_back() || knobs.only_cpu >= 0 || knobs.ignore_cpusets || is_starved(task);
}

static inline bool allowed(struct task_struct *task, __s32 cpu) { return bpf_cpumask_test_cpu(cpu, task->cpus_ptr); }

/* Puts the task where no sound scheduler would. Returns false if it should be queued as usual. */
static inline bool misplaced(struct task_struct *task, __u64 flags) {
    if (knobs.refuse_verify) {
        /* The verifier rejects the unchecked pointer: "invalid mem access 'map_value_or_null'". */
        struct task *own = bpf_task_storage_get(&tasks, task, NULL, 0);
        own->since = 0;
    }
    if (knobs.verify_loop) {
        /* Each iteration leaves the verifier another branch to revisit, up to its limit of 8192: "sequence of jumps is
         * too complex". */
        __u64 sum = 0;
        for (__u64 i = 0; i < vtime_now; i++)
            if (bpf_get_prandom_u32() & 1)
                sum += i;
        vtime_now += sum;
    }
    if (task->flags & PF_KTHREAD)
        return false;
    if (knobs.error_after_ns && elapsed() >= knobs.error_after_ns) {
        fail("told to fail after %llu ms", knobs.error_after_ns / 1000000);
        return false;
    }
    if (is_starved(task)) {
        if (starved_at == 0)
            starved_at = bpf_ktime_get_ns();
        insert(task, STARVED_QUEUE, knobs.slice_ns, flags);
        return true;
    }
    if (knobs.only_cpu >= 0 && allowed(task, knobs.only_cpu)) {
        insert(task, SCX_DSQ_LOCAL_ON | knobs.only_cpu, knobs.slice_ns, flags);
        return true;
    }
    if (knobs.ignore_cpusets && task->nr_cpus_allowed > 1 && (__u32)task->nr_cpus_allowed < knobs.cpus) {
        for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < knobs.cpus; cpu++) {
            if (!allowed(task, cpu)) {
                insert(task, SCX_DSQ_LOCAL_ON | cpu, knobs.slice_ns, flags);
                return true;
            }
        }
    }
    return false;
}

/* Runs a starved task once the starvation is over. Returns false if no starved task waits. */
static inline bool amends(void) { return knobs.starve[0] && !starving() && move_to_local(STARVED_QUEUE); }

static int kick_all(void *map, int *key, struct bpf_timer *timer) {
    for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < knobs.cpus; cpu++)
        scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
    bpf_timer_start(timer, KICK_INTERVAL_NS, 0);
    return 0;
}

static inline __s32 prepare_to_misbehave(void) {
    if (knobs.starve[0]) {
        __s32 error = scx_bpf_create_dsq(STARVED_QUEUE, -1);
        if (error)
            return error;
    }
    if (!knobs.starve[0] && !knobs.degrade_ns)
        return 0;
    __u32 key = 0;
    struct kick_timer *kick = bpf_map_lookup_elem(&kick_timers, &key);
    if (!kick)
        return -2 /* ENOENT */;
    __s32 error = bpf_timer_init(&kick->timer, &kick_timers, 1 /* CLOCK_MONOTONIC */);
    if (!error)
        error = bpf_timer_set_callback(&kick->timer, kick_all);
    if (!error)
        error = bpf_timer_start(&kick->timer, KICK_INTERVAL_NS, 0);
    return error;
}
