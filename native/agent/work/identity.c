#include "identity.h"

#include "failure_note.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// A change of policy or mask may move the worker at once, so each change ends with a checkpoint. It does not count as a
// work unit.
static void finish(struct interp *interp) { checkpoint(&interp->probe); }

void identity_nice(struct interp *interp, int nice) {
    if (setpriority(PRIO_PROCESS, 0, nice) < 0)
        note_failure(interp->probe.page, OP_SET_NICE, errno);
    finish(interp);
}

void identity_policy(struct interp *interp, uint32_t policy, uint32_t priority) {
    struct sched_param parameters = {.sched_priority = (int)priority};
    if (sched_setscheduler(0, (int)policy, &parameters) < 0) {
        if (errno == EPERM || errno == EINVAL) // EINVAL: the kernel lacks the policy
            interp->probe.page->refused_policies++;
        else
            note_failure(interp->probe.page, OP_SET_POLICY, errno);
    }
    finish(interp);
}

static void pick_random(struct interp *interp, cpu_set_t *set) {
    int count = CPU_COUNT_S(interp->initial_size, interp->initial);
    uint64_t wanted = probe_below(&interp->probe, (uint64_t)(count > 0 ? count : 1));
    for (size_t cpu = 0; cpu < interp->initial_size * 8; cpu++)
        if (CPU_ISSET_S(cpu, interp->initial_size, interp->initial) && wanted-- == 0) {
            CPU_SET_S(cpu, interp->initial_size, set);
            return;
        }
}

void identity_affinity(struct interp *interp, uint32_t kind, const struct cpu_list *cpus) {
    size_t size = interp->initial_size;
    uint64_t words[TELEMETRY_CPUS / 64] = {0};
    cpu_set_t *set = (cpu_set_t *)words;
    if (kind == 0)
        pick_random(interp, set);
    else if (kind == 1)
        memcpy(words, interp->initial, size);
    else
        for (uint32_t i = 0; i < cpus->count; i++)
            CPU_SET_S(cpus->cpus[i], size, set);
    if (sched_setaffinity(0, size, set) < 0)
        note_failure(interp->probe.page, OP_SET_AFFINITY, errno);
    finish(interp);
}

void identity_exec(struct interp *interp, const struct exec_target *target) {
    char path[32];
    fcntl(interp->telemetry_fd, F_SETFD, 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", interp->telemetry_fd);
    setenv("KTSTR_TELEMETRY", path, 1);
    checkpoint(&interp->probe);
    __atomic_store_n(&interp->probe.page->execed, 1, __ATOMIC_RELEASE);
    execv(target->path, target->argv);
    int error = errno;
    __atomic_store_n(&interp->probe.page->execed, 0, __ATOMIC_RELEASE);
    note_failure(interp->probe.page, OP_EXEC, error);
    _exit(error == ENOENT ? 127 : 126);
}
