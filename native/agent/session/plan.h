// A plan: the frames of a file, decoded as a whole before anything of it runs.
#ifndef KTSTR_PLAN_H
#define KTSTR_PLAN_H

#include "base/failure.h"
#include "wire/command.h"

enum { PLAN_LOOP_DEPTH = 16 };

struct plan {
    struct arena arena;
    struct command *commands; // point into the bytes they were decoded from
    uint32_t *matching;       // of a LOOP_BEGIN: the index of its LOOP_END
    uint32_t count;
};

// All memory is the arena's, which the caller frees. On failure the message says what is wrong, with its place.
bool plan_decode(struct plan *plan, const uint8_t *bytes, size_t length, struct failure *failure);

#endif
