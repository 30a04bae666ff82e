#include "plan.h"

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

bool plan_decode(struct plan *plan, const uint8_t *bytes, size_t length, struct failure *failure) {
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
