// The file of a plan, with headers and checksums corrected.
#include "fuzz.h"

#include "frame_fix.h"
#include "session/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = fuzz_copy(data, size);
    struct plan plan = {0};
    struct failure failure = {0};
    frames_fix(bytes, size);
    if (plan_decode(&plan, bytes, size, &failure)) {
        uint32_t depth = 0;
        for (uint32_t i = 0; i < plan.count; i++) {
            depth += plan.commands[i].type == COMMAND_LOOP_BEGIN;
            depth -= plan.commands[i].type == COMMAND_LOOP_END;
            MUST(depth <= PLAN_LOOP_DEPTH);
            if (plan.commands[i].type == COMMAND_LOOP_BEGIN)
                MUST(plan.matching[i] > i && plan.commands[plan.matching[i]].type == COMMAND_LOOP_END);
        }
        MUST(depth == 0);
    } else
        MUST(failure.message[0]);
    arena_free(&plan.arena);
    free(bytes);
    return 0;
}
