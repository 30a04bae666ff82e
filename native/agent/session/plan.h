// A plan: the frames of a file, all of which are decoded before any command runs.
#ifndef KTSTR_PLAN_H
#define KTSTR_PLAN_H

#include "base/failure.h"
#include "wire/command.h"

enum { PLAN_LOOP_DEPTH = 16 };

struct plan {
    struct arena arena;
    struct command *commands; // point into the bytes from which they were decoded
    uint32_t *matching;       // for a LOOP_BEGIN: the index of its LOOP_END
    uint32_t count;
};

// Decodes a plan into memory of the arena, which the caller frees. On failure the message says what is wrong and where.
bool plan_decode(struct plan *plan, const uint8_t *bytes, size_t length, struct failure *failure);

#endif
