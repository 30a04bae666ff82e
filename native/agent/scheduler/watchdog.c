#include "base/clock.h"
#include "scheduler.h"
#include "work/procstat.h"

#include <stdio.h>
#include <string.h>

// Returns since when the worker has wanted to run without a sign of life, or UINT64_MAX if it does not want to run.
static uint64_t waiting_since(const struct group *group, const struct worker *worker) {
    const struct telemetry *page = worker->page;
    uint64_t away = __atomic_load_n(&page->away_until_ns, __ATOMIC_RELAXED);
    uint64_t last = __atomic_load_n(&page->last_ns, __ATOMIC_RELAXED);
    // A worker that was asked to stop needs the CPU as well, so it is not excluded.
    if (worker->pid <= 0 || worker->dead || page->end_ns || page->execed)
        return UINT64_MAX;
    if (page->start_ns == 0) // not yet set up, or released and never seen since
        return group->started_ns ? group->started_ns : group->spawned_ns;
    if (last < page->start_ns)
        last = page->start_ns;
    return away > last ? away : last;
}

// How many workers ran after a given time, and how many wanted to run and did not: in total and in one cgroup
// (`_here`).
struct tally {
    unsigned stuck, ran, stuck_here, ran_here;
};

static struct tally count(const struct scheduler *scheduler, const char *cgroup, uint64_t moment) {
    struct tally tally = {0};
    for (const struct group *group = scheduler->groups->first; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++) {
            const struct worker *worker = &group->workers[i];
            unsigned cpu;
            // A worker that has ended since then ran to do so.
            bool ran = __atomic_load_n(&worker->page->last_ns, __ATOMIC_RELAXED) > moment;
            bool stuck = !ran && waiting_since(group, worker) <= moment && procstat_runnable(worker->pid, &cpu);
            bool here = strcmp(group->cgroup, cgroup) == 0;
            tally.ran += ran;
            tally.stuck += stuck;
            tally.ran_here += ran && here;
            tally.stuck_here += stuck && here;
        }
    return tally;
}

// Describes the stuck worker. Whether the other workers ran distinguishes a scheduler that has stopped altogether from
// one that forgot a task.
static void describe(const struct scheduler *scheduler, const struct group *group, uint32_t index, uint64_t since,
                     unsigned cpu, char *text, size_t size) {
    uint64_t now = now_ns();
    const char *name = *group->cgroup ? group->cgroup : "the root cgroup";
    // Other workers may have run a little after `since`.
    struct tally tally = count(scheduler, group->cgroup, since + scheduler->watchdog_ns / 2);
    int length = snprintf(text, size, "worker %u of %s was runnable for %.1fs and did not run, last on cpu%u", index,
                          name, (double)(now - since) / 1e9, cpu);
    if (length < 0 || (size_t)length >= size)
        return;
    text += length;
    size -= (size_t)length;
    uint32_t ready = group_ready(group);
    if (ready < group->count) {
        length = snprintf(text, size, "; %u of %u workers of %s were ready", ready, group->count, name);
        if (length < 0 || (size_t)length >= size)
            return;
        text += length;
        size -= (size_t)length;
    }
    if (tally.ran == 0 && tally.stuck > 1)
        text_print(text, size, "; none of %u workers ran", tally.stuck);
    else if (tally.ran && tally.ran_here == 0 && tally.stuck_here == tally.stuck)
        text_print(text, size, "; none of %s ran, others did", name);
    else if (tally.ran)
        text_print(text, size, "; others ran");
}

bool scheduler_watchdog(const struct scheduler *scheduler, char *text, size_t size) {
    uint64_t limit = scheduler->watchdog_ns, now = now_ns();
    if (limit == 0)
        return false;
    for (const struct group *group = scheduler->groups->first; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++) {
            uint64_t since = waiting_since(group, &group->workers[i]);
            unsigned cpu;
            // A worker that is frozen, stopped or in a long system call is not runnable: that is not the scheduler's
            // fault.
            if (since >= now || now - since <= limit || !procstat_runnable(group->workers[i].pid, &cpu))
                continue;
            describe(scheduler, group, i, since, cpu, text, size);
            return true;
        }
    return false;
}
