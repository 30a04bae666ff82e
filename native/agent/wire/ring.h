// The rings in reserved guest memory (docs/protocol.md, "Ring"): one written only by the agent and a small one written
// only by the host.
#ifndef KTSTR_RING_H
#define KTSTR_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *memory; // NULL: no ring
    uint32_t data_size;
    uint64_t head;
    bool linear;         // never wraps and ignores how far the host has read
    uint32_t input_size; // 0: commands arrive over COM2
    uint64_t input_tail;
};

// Prepares `size` bytes at `memory` as an empty ring.
void ring_format(struct ring *ring, void *memory, size_t size);
// Maps guest-physical memory and formats it. Returns 0 or an errno.
int ring_map(struct ring *ring, uint64_t address, uint64_t size);
// Returns whether `length` bytes fit now.
bool ring_fits(const struct ring *ring, size_t length);
// Writes bytes, which must fit, and publishes them.
void ring_write(struct ring *ring, const uint8_t *data, size_t length);
// Reads at most `length` bytes that the host has written. Returns the number of bytes, or SIZE_MAX if the host's
// counters contradict each other.
size_t ring_read(struct ring *ring, uint8_t *data, size_t length);

#endif
