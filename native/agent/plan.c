#include "clock.h"
#include "event.h"
#include "execute.h"
#include "fault.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLAN_LOOP_DEPTH = 16 };

struct plan {
    struct arena arena;
    struct command *commands;
    uint32_t *matching; // of a LOOP_BEGIN: the index of its LOOP_END
    uint32_t count;
};

enum outcome { RAN_ON, ENDED, FAILED };

static bool match_loops(struct plan *plan, struct failure *failure) {
    uint32_t open[PLAN_LOOP_DEPTH], depth = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->commands[i].type == COMMAND_LOOP_BEGIN) {
            if (depth == PLAN_LOOP_DEPTH)
                return fail_text(failure, "command %u: loops are nested deeper than %d", i, PLAN_LOOP_DEPTH);
            open[depth++] = i;
        } else if (plan->commands[i].type == COMMAND_LOOP_END) {
            if (depth == 0)
                return fail_text(failure, "command %u: LOOP_END without LOOP_BEGIN", i);
            plan->matching[open[--depth]] = i;
        }
    }
    return depth == 0 || fail_text(failure, "command %u: LOOP_BEGIN without LOOP_END", open[depth - 1]);
}

// The whole plan is decoded before anything of it runs.
static bool decode(struct plan *plan, const uint8_t *bytes, size_t length, struct failure *failure) {
    char error[512];
    uint32_t capacity = (uint32_t)(length / (FRAME_HEADER + FRAME_TRAILER)) + 1;
    plan->commands = arena_alloc(&plan->arena, capacity, sizeof *plan->commands);
    plan->matching = arena_alloc(&plan->arena, capacity, sizeof *plan->matching);
    for (size_t at = 0; at < length;) {
        struct frame frame;
        switch (frame_parse(bytes + at, length - at, at, plan->count, &frame, error, sizeof error)) {
        case FRAME_BAD:
            return fail_text(failure, "%s", error);
        case FRAME_INCOMPLETE:
            return fail_text(failure, "Frame at offset %zu: the stream ends %zu bytes into it", at, length - at);
        case FRAME_OK:
            break;
        }
        if (!command_decode(&frame, &plan->arena, &plan->commands[plan->count], error, sizeof error))
            return fail_text(failure, "%s", error);
        plan->count++;
        at += frame.size;
    }
    return match_loops(plan, failure);
}

static enum outcome run(struct agent *agent, struct plan *plan, uint32_t from, uint32_t to, struct failure *failure);

static enum outcome run_loop(struct agent *agent, struct plan *plan, uint32_t begin, struct failure *failure) {
    const struct command *loop = &plan->commands[begin];
    uint64_t start = now_ns(), end = start + loop->loop.total_ns, next = start;
    do {
        enum outcome outcome = run(agent, plan, begin + 1, plan->matching[begin], failure);
        if (outcome != RAN_ON)
            return outcome;
        // A body that took longer than the interval is followed by the next one at once.
        next += loop->loop.interval_ns;
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
            // Between any two commands: has the deadline passed, is the host still there?
            if (!hold_until(agent, now, now, failure))
                return FAILED;
        }
    }
    return RAN_ON;
}

static bool load(struct plan *plan, const char *path, struct failure *failure) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    snprintf(failure->where, sizeof failure->where, "plan");
    if (fd < 0 || fstat(fd, &status) < 0)
        return fail_errno(failure, errno, "%s", path);
    size_t length = (size_t)status.st_size;
    void *bytes = length ? mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (bytes == MAP_FAILED)
        return fail_errno(failure, errno, "%s", path);
    return decode(plan, bytes, length, failure); // the commands point into the mapping: it stays
}

bool plan_run(struct agent *agent, const char *path) {
    struct plan plan = {0};
    struct failure failure = {0};
    bool good = load(&plan, path, &failure) && run(agent, &plan, 0, plan.count, &failure) != FAILED;
    if (!good)
        event_error(&agent->channel, now_ns(), &failure);
    return good;
}
