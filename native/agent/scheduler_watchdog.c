#include "agent.h"
#include "clock.h"
#include "scheduler.h"
#include "textfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// proc(5): "pid (name) S …", where the name may hold anything; field 39 is the CPU it was last on.
static bool is_runnable(pid_t pid, unsigned *cpu) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    textfile_read(path, text, sizeof text);
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] != 'R')
        return false;
    for (int field = 2; at && field < 39; field++)
        at = strchr(at + 1, ' ');
    *cpu = at ? (unsigned)strtoul(at, NULL, 10) : 0;
    return true;
}

// Since when it has wanted to run without a sign of life; UINT64_MAX: it does not want to.
static uint64_t waiting_since(const struct group *group, const struct worker *worker) {
    const struct telemetry *page = worker->page;
    uint64_t away = __atomic_load_n(&page->away_until_ns, __ATOMIC_RELAXED);
    uint64_t last = __atomic_load_n(&page->last_ns, __ATOMIC_RELAXED);
    // One that was told to stop needs the CPU for that as well.
    if (worker->pid <= 0 || worker->dead || page->end_ns || page->execed)
        return UINT64_MAX;
    if (page->start_ns == 0) // not yet set up, or released and never seen since
        return group->started_ns ? group->started_ns : group->spawned_ns;
    if (last < page->start_ns)
        last = page->start_ns;
    return away > last ? away : last;
}

bool scheduler_watchdog(const struct agent *agent, char *text, size_t size) {
    uint64_t limit = agent->scheduler.watchdog_ns, now = now_ns();
    if (limit == 0)
        return false;
    for (const struct group *group = agent->groups; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++) {
            uint64_t since = waiting_since(group, &group->workers[i]);
            unsigned cpu;
            // One that is frozen, stopped or in a system call that takes long is no scheduler's fault: not runnable.
            if (since >= now || now - since <= limit || !is_runnable(group->workers[i].pid, &cpu))
                continue;
            snprintf(text, size, "worker %u of %s was runnable for %.1fs and did not run, last on cpu%u", i,
                     *group->cgroup ? group->cgroup : "the root cgroup", (double)(now - since) / 1e9, cpu);
            return true;
        }
    return false;
}
