#include "plan.h"
#include "base/clock.h"
#include "execute.h"
#include "fault.h"
#include "handover.h"
#include "marker.h"
#include "poweroff.h"
#include "session.h"
#include "wire/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum outcome { RAN_ON, ENDED, FAILED };

static enum outcome run(struct agent *agent, struct plan *plan, uint32_t from, uint32_t to, struct failure *failure);

// A loop body that takes no time must not occupy a CPU, because the agent outranks everything on it.
static const uint64_t least_interval_ns = 1000000;

static enum outcome run_loop(struct agent *agent, struct plan *plan, uint32_t begin, struct failure *failure) {
    const struct command *loop = &plan->commands[begin];
    uint64_t start = now_ns(), end = start + loop->loop.total_ns, next = start;
    uint64_t interval = loop->loop.interval_ns > least_interval_ns ? loop->loop.interval_ns : least_interval_ns;
    do {
        enum outcome outcome = run(agent, plan, begin + 1, plan->matching[begin], failure);
        if (outcome != RAN_ON)
            return outcome;
        // If the body took longer than the interval, the next round follows at once.
        next += interval;
        uint64_t until = next < end ? next : end, now = now_ns();
        execute_name(loop, failure);
        if (!hold_until(agent, start, until > now ? until : now, failure))
            return FAILED;
        if (next < now)
            next = now;
    } while (now_ns() < end);
    return RAN_ON;
}

static enum outcome run(struct agent *agent, struct plan *plan, uint32_t from, uint32_t to, struct failure *failure) {
    for (uint32_t i = from; i < to; i++) {
        const struct command *command = &plan->commands[i];
        uint64_t now = now_ns();
        execute_name(command, failure);
        switch (command->type) {
        case COMMAND_END:
            return ENDED;
        case COMMAND_HOLD:
            fault_at_first_hold(agent);
            if (!hold_until(agent, now, now + command->hold.ns, failure))
                return FAILED;
            break;
        case COMMAND_LOOP_BEGIN: {
            enum outcome outcome = run_loop(agent, plan, i, failure);
            if (outcome != RAN_ON)
                return outcome;
            i = plan->matching[i];
            break;
        }
        default:
            if (!execute(agent, command, failure))
                return FAILED;
            // Between any two commands, check the deadline and whether the host is still there.
            if (!hold_until(agent, now, now, failure))
                return FAILED;
        }
    }
    return RAN_ON;
}

// Maps the whole file, which must stay mapped while its commands are used, because they point into it. For an empty
// file stores NULL.
static bool map_file(const char *path, uint8_t **bytes, size_t *length, struct failure *failure) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    snprintf(failure->where, sizeof failure->where, "plan");
    if (fd < 0)
        return fail_errno(failure, errno, "%s", path);
    bool good = fstat(fd, &status) == 0;
    *length = good ? (size_t)status.st_size : 0;
    void *mapped = *length ? mmap(NULL, *length, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int error = errno;
    close(fd);
    if (!good || mapped == MAP_FAILED)
        return fail_errno(failure, error, "%s", path);
    *bytes = mapped;
    return true;
}

static enum outcome run_bytes(struct agent *agent, const uint8_t *bytes, size_t length, struct failure *failure) {
    struct plan plan = {0};
    enum outcome outcome =
        plan_decode(&plan, bytes, length, failure) ? run(agent, &plan, 0, plan.count, failure) : FAILED;
    arena_free(&plan.arena);
    return outcome;
}

static enum outcome run_file(struct agent *agent, const char *path, struct failure *failure) {
    uint8_t *bytes = NULL;
    size_t length = 0;
    enum outcome outcome = map_file(path, &bytes, &length, failure) ? run_bytes(agent, bytes, length, failure) : FAILED;
    if (bytes)
        munmap(bytes, length);
    return outcome;
}

// Runs the plan's second part. Up to here, machines with the same first part behave the same, whatever the second part
// is.
static enum outcome run_handover(struct agent *agent, struct failure *failure) {
    struct handover handover = {0};
    marker_fork_point();
    if (!handover_take(&handover, agent->options.plan_address, agent->options.plan_size, failure))
        return FAILED;
    agent->link.deadline_ns = now_ns() - agent->link.start_ns + handover.deadline_ns;
    poweroff_postpone(handover.deadline_ns / 1000000 + 2000);
    enum outcome outcome = run_bytes(agent, handover.bytes, handover.length, failure);
    free(handover.bytes);
    return outcome;
}

bool plan_run(struct agent *agent, const char *path) {
    struct failure failure = {0};
    enum outcome outcome = run_file(agent, path, &failure);
    if (outcome == RAN_ON && agent->options.plan_size)
        outcome = run_handover(agent, &failure);
    if (outcome == FAILED)
        event_error(&agent->link.channel, now_ns(), &failure);
    return outcome != FAILED;
}
