// The part of a plan that the host hands over in guest memory (docs/protocol.md, "Handover").
#ifndef KTSTR_HANDOVER_H
#define KTSTR_HANDOVER_H

#include "base/failure.h"

#include <stddef.h>
#include <stdint.h>

struct handover {
    uint8_t *bytes; // freed by the caller
    size_t length;
    uint64_t deadline_ns; // counted from the time of the handover
};

// Copies the plan from `size` bytes of reserved physical memory. Returns false with a failure if the plan is missing or
// malformed.
bool handover_take(struct handover *handover, uint64_t address, uint64_t size, struct failure *failure);
// Does the same from mapped memory.
bool handover_copy(struct handover *handover, const uint8_t *memory, size_t size, struct failure *failure);

#endif
