#include "group.h"

#include "base/clock.h"
#include "report.h"
#include "wire/event.h"
#include "work/futex.h"
#include "work/procstat.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const uint64_t stop_patience_ns = 5000000000;
// How long a worker may take to collect its last numbers. In virtual time this needs some 20 ms of one CPU.
static const uint64_t answered_share_ns = 100000000;

struct group *group_find(struct group_table *table, uint32_t id) {
    for (struct group *group = table->first; group; group = group->next)
        if (group->id == id)
            return group;
    return NULL;
}

static struct group *known(struct group_table *table, uint32_t id, struct failure *failure) {
    struct group *group = group_find(table, id);
    if (!group)
        fail_errno(failure, ENOENT, "group %u", id);
    return group;
}

bool group_start(struct group_table *table, const struct u32_list *ids, struct failure *failure) {
    for (uint32_t i = 0; i < ids->count; i++) {
        struct group *group = known(table, ids->items[i], failure);
        if (!group)
            return false;
        if (group->started)
            return fail_errno(failure, EALREADY, "group %u was started before", group->id);
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        struct group *group = group_find(table, ids->items[i]);
        group->started = true;
        group->started_ns = now_ns();
        atomic_store_explicit(&group->shared->release_ns, group->started_ns, memory_order_relaxed);
        atomic_store_explicit(&group->shared->release, 1, memory_order_release);
        futex_wake(&group->shared->release, UINT32_MAX);
    }
    return true;
}

bool group_start_offsets(struct group_table *table, uint32_t id, const struct u32_list *ns, struct failure *failure) {
    struct group *group = known(table, id, failure);
    if (!group)
        return false;
    if (group->started)
        return fail_errno(failure, EALREADY, "group %u was started before", id);
    if (ns->count != group->count)
        return fail_errno(failure, EINVAL, "%u offsets for %u workers", ns->count, group->count);
    for (uint32_t i = 0; i < group->count; i++)
        group->workers[i].page->start_offset_ns = ns->items[i];
    return true;
}

static struct worker *worker_of(struct group_table *table, pid_t pid) {
    for (struct group *group = table->first; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++)
            if (group->workers[i].pid == pid && !group->workers[i].dead)
                return &group->workers[i];
    return NULL;
}

// A zombie still has its schedstat, affinity, nice value and policy.
static void note_death(struct worker *worker) {
    worker->death_ns = now_ns();
    procstat_sched(worker->pid, &worker->sched);
    cpumask_read(worker->pid, &worker->allowed);
    errno = 0;
    worker->nice = getpriority(PRIO_PROCESS, (id_t)worker->pid);
    int policy = sched_getscheduler(worker->pid);
    worker->policy = (uint8_t)(policy < 0 ? 0 : policy & ~SCHED_RESET_ON_FORK);
}

void group_bury(struct group_table *table) {
    for (;;) {
        siginfo_t child = {0};
        if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 || child.si_pid == 0)
            return;
        struct worker *worker = worker_of(table, child.si_pid);
        int status = 0;
        if (worker)
            note_death(worker);
        else
            process_kill_rest(table->processes, child.si_pid);
        waitpid(child.si_pid, &status, WNOHANG);
        if (!worker) {
            process_reaped(table->processes, child.si_pid, status); // otherwise an orphan
            continue;
        }
        worker->wait_status = status;
        worker->dead = true;
        if (!worker->stop_sent)
            event_log(&table->link->channel, LOG_LEVEL_WARNING,
                      "worker %u (process %d) %s %d before it was asked to stop", worker->index, (int)worker->pid,
                      WIFSIGNALED(status) ? "died of signal" : "exited with status",
                      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static uint32_t living(struct group *const *groups, uint32_t count) {
    uint32_t alive = 0;
    for (uint32_t g = 0; g < count; g++)
        for (uint32_t i = 0; i < groups[g]->count; i++)
            alive += !groups[g]->workers[i].dead;
    return alive;
}

// Returns whether the worker has left its program and is only collecting its last numbers, which takes long if many
// workers share its CPU.
static bool has_answered(const struct worker *worker) {
    return worker->dead || (!__atomic_load_n(&worker->page->execed, __ATOMIC_ACQUIRE) &&
                            __atomic_load_n(&worker->page->end_ns, __ATOMIC_RELAXED) != 0);
}

static uint32_t unanswering(struct group *const *groups, uint32_t count) {
    uint32_t silent = 0;
    for (uint32_t g = 0; g < count; g++)
        for (uint32_t i = 0; i < groups[g]->count; i++)
            silent += !has_answered(&groups[g]->workers[i]);
    return silent;
}

static bool all_dead(struct group *const *groups, uint32_t count) { return living(groups, count) == 0; }

static void ask_to_stop(struct group *group) {
    for (uint32_t i = 0; i < group->count; i++) {
        struct worker *worker = &group->workers[i];
        if (!worker->dead)
            worker->stop_sent = true;
        __atomic_store_n(&worker->page->stop, 1, __ATOMIC_RELEASE);
    }
    // A worker that was never started ends without having worked.
    futex_wake(&group->shared->release, UINT32_MAX);
}

// Signals all workers that have not answered the stop request. An executable polls the stop word, so it gets SIGTERM
// only after a second. The signals are repeated because one may arrive just before the worker enters a blocking call.
static void signal_all(struct group *group, uint64_t waited_ns) {
    for (uint32_t i = 0; i < group->count; i++) {
        struct worker *worker = &group->workers[i];
        bool execed = __atomic_load_n(&worker->page->execed, __ATOMIC_ACQUIRE);
        if (!has_answered(worker) && !(execed && waited_ns < 1000000000))
            kill(worker->pid, execed ? SIGTERM : SIGUSR1);
    }
}

static void kill_all(struct group *group) {
    for (uint32_t i = 0; i < group->count; i++) {
        struct worker *worker = &group->workers[i];
        if (worker->dead)
            continue;
        worker->killed = true;
        kill(-worker->pid, SIGKILL); // children of forkExit too
        kill(worker->pid, SIGKILL);
    }
}

// Waits until every worker is dead or the patience runs out; with `stopping` repeats the stop signals. With the full
// patience, each answer and each death restarts the wait, and every worker that has answered adds its share: hundreds
// of workers on a few CPUs can't all end in the time allowed for one.
static void wait_dead(struct group_table *table, struct group **groups, uint32_t count, uint64_t patience_ns,
                      bool stopping) {
    uint64_t begun = now_ns(), progress = begun, pause = 2000000;
    uint32_t alive = living(groups, count), silent = unanswering(groups, count);
    uint64_t share_ns = patience_ns >= stop_patience_ns ? answered_share_ns : 0;
    while (!all_dead(groups, count) && now_ns() - progress < patience_ns + (alive - silent) * share_ns) {
        for (uint32_t i = 0; stopping && i < count; i++)
            signal_all(groups[i], now_ns() - begun);
        uint64_t until = now_ns() + pause;
        while (!all_dead(groups, count) && now_ns() < until)
            link_nap(table->link, 1000000);
        pause = pause < 50000000 ? pause * 2 : pause;
        uint32_t left = living(groups, count), left_silent = unanswering(groups, count);
        if ((left < alive || left_silent < silent) && patience_ns >= stop_patience_ns)
            progress = now_ns();
        alive = left, silent = left_silent;
    }
}

static void forget(struct group_table *table, struct group *group) {
    for (struct group **link = &table->first; *link; link = &(*link)->next)
        if (*link == group) {
            *link = group->next;
            break;
        }
    group_free(group);
}

static void stop_groups(struct group_table *table, struct group **groups, uint32_t count, uint64_t patience_ns) {
    for (uint32_t i = 0; i < count; i++)
        ask_to_stop(groups[i]);
    wait_dead(table, groups, count, patience_ns, true);
    for (uint32_t i = 0; i < count; i++)
        kill_all(groups[i]);
    // A worker that survives SIGKILL is stuck in the kernel.
    wait_dead(table, groups, count, 1000000000, false);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t w = 0; w < groups[i]->count; w++) {
            if (!groups[i]->workers[w].dead)
                note_death(&groups[i]->workers[w]); // its numbers so far
            report_send(&table->link->channel, groups[i], &groups[i]->workers[w]);
            table->reported_iterations += groups[i]->workers[w].page->iterations;
            table->workers_reported++;
        }
        forget(table, groups[i]);
    }
}

bool group_stop(struct group_table *table, const struct u32_list *ids, struct failure *failure) {
    struct arena arena = {0};
    struct group **groups = arena_alloc(&arena, ids->count, sizeof(struct group *));
    bool good = true;
    for (uint32_t i = 0; good && i < ids->count; i++) {
        groups[i] = known(table, ids->items[i], failure);
        good = groups[i] != NULL;
        for (uint32_t j = 0; good && j < i; j++)
            if (groups[j] == groups[i])
                good = fail_errno(failure, EINVAL, "group %u is named twice", ids->items[i]);
    }
    if (good)
        stop_groups(table, groups, ids->count, stop_patience_ns);
    arena_free(&arena);
    return good;
}

void group_stop_all(struct group_table *table, uint64_t patience_ns) {
    struct arena arena = {0};
    uint32_t count = 0;
    for (struct group *group = table->first; group; group = group->next)
        count++;
    struct group **groups = arena_alloc(&arena, count, sizeof(struct group *));
    // The list is newest first, but reports are sent in the order of the spawns.
    uint32_t at = count;
    for (struct group *group = table->first; group; group = group->next)
        groups[--at] = group;
    stop_groups(table, groups, count, patience_ns);
    arena_free(&arena);
}

bool group_set_affinity(struct group_table *table, const struct command *command, struct failure *failure) {
    struct group *group = known(table, command->set_affinity.group, failure);
    uint32_t sets = command->set_affinity.count;
    if (!group)
        return false;
    if (sets != 1 && sets != group->count)
        return fail_errno(failure, EINVAL, "%u CPU sets for %u workers", sets, group->count);
    for (uint32_t i = 0; i < group->count; i++) {
        struct cpu_list list = command->set_affinity.cpus[sets == 1 ? 0 : i];
        struct cpumask mask;
        char text[128];
        if (group->workers[i].dead)
            continue;
        if (!cpumask_of(list, &mask))
            return fail_errno(failure, EINVAL, "a CPU is over %d", CPUMASK_CPUS - 1);
        if (list.count == 0)
            mask = cpumask_all();
        int error = cpumask_apply(group->workers[i].pid, &mask);
        cpumask_text(&mask, text, sizeof text);
        if (error == ESRCH)
            event_log(&table->link->channel, LOG_LEVEL_WARNING,
                      "worker %u of group %u was gone before its affinity was set", i, group->id);
        else if (error)
            return fail_errno(failure, error, "affinity %s of worker %u", text, i);
    }
    return true;
}

bool group_kill_worker(struct group_table *table, uint32_t id, uint32_t index, uint32_t signal,
                       struct failure *failure) {
    struct group *group = known(table, id, failure);
    if (!group)
        return false;
    if (index >= group->count)
        return fail_errno(failure, ENOENT, "worker %u of group %u", index, id);
    if (group->workers[index].dead || kill(group->workers[index].pid, (int)signal) < 0)
        return fail_errno(failure, group->workers[index].dead ? ESRCH : errno, "signal %u to worker %u", signal, index);
    return true;
}

void group_send_counters(struct group_table *table, uint64_t time_ns) {
    struct buffer *out = channel_frame(&table->link->channel, EVENT_COUNTERS);
    put_u64(out, time_ns);
    size_t gap = put_gap_u32(out);
    uint32_t count = 0;
    for (struct group *group = table->first; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++, count++) {
            put_u32(out, group->id);
            put_u32(out, i);
            put_u64(out, __atomic_load_n(&group->workers[i].page->iterations, __ATOMIC_RELAXED));
            put_u64(out, __atomic_load_n(&group->workers[i].page->work_units, __ATOMIC_RELAXED));
        }
    patch_u32(out, gap, count);
    channel_send(&table->link->channel);
}

uint64_t group_iterations(const struct group_table *table) {
    uint64_t sum = table->reported_iterations;
    for (const struct group *group = table->first; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++)
            sum += __atomic_load_n(&group->workers[i].page->iterations, __ATOMIC_RELAXED);
    return sum;
}
