// The rings in reserved guest memory (docs/protocol.md, "Ring"): one that only the agent writes, and a small one that
// only the host writes.
#ifndef KTSTR_RING_H
#define KTSTR_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *memory; // NULL: no ring
    uint32_t data_size;
    uint64_t head;
    bool linear;         // never wraps: how far the host has read is not looked at
    uint32_t input_size; // 0: commands come over COM2
    uint64_t input_tail;
};

// Prepares `size` bytes at `memory` as an empty ring.
void ring_format(struct ring *ring, void *memory, size_t size);
// Maps guest-physical memory and formats it. 0 or an errno.
int ring_map(struct ring *ring, uint64_t address, uint64_t size);
// Room for `length` bytes now?
bool ring_fits(const struct ring *ring, size_t length);
// Writes bytes that fit, and publishes them.
void ring_write(struct ring *ring, const uint8_t *data, size_t length);
// Takes at most `length` bytes of what the host has written. SIZE_MAX: its counters contradict each other.
size_t ring_read(struct ring *ring, uint8_t *data, size_t length);

#endif
