// The part of a plan that the host hands over in guest memory (docs/protocol.md, "Handover").
#ifndef KTSTR_HANDOVER_H
#define KTSTR_HANDOVER_H

#include "base/failure.h"

#include <stddef.h>
#include <stdint.h>

struct handover {
    uint8_t *bytes; // the caller's to free
    size_t length;
    uint64_t deadline_ns; // after the moment at which it was taken
};

// Copies the plan out of `size` bytes of reserved physical memory. False with a failure if there is none, or it is
// malformed.
bool handover_take(struct handover *handover, uint64_t address, uint64_t size, struct failure *failure);
// The same from memory that is mapped.
bool handover_copy(struct handover *handover, const uint8_t *memory, size_t size, struct failure *failure);

#endif
