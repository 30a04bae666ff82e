// Runs a work program inside a worker.
#ifndef KTSTR_INTERP_H
#define KTSTR_INTERP_H

#include "probe.h"
#include "shared.h"
#include "wire/program.h"

#include <sched.h>

struct interp_slot {
    uint8_t *memory;
    size_t bytes;
    size_t next_page;
};

struct interp {
    struct probe probe;
    const struct program *program;
    struct channel_set *channels; // those of the worker's group instance
    int (*pipes)[2];              // by channel: read end, write end; -1 when unused
    int telemetry_fd;
    cpu_set_t *initial; // affinity at release
    size_t initial_size;
    // Working memory, prepared before the release.
    uint8_t *transfer; // page-aligned
    uint8_t *walk;
    uint32_t *matrix; // three of matrix × matrix
    uint64_t *loops;  // loop registers
    uint32_t seen[PROGRAM_CHANNELS];
    uint64_t held; // mutexes held, one bit each
    struct interp_slot slots[PROGRAM_SLOTS];
    int file, direct_file;
    uint64_t write_at, read_at;
};

// Allocates what the program needs. Returns 0 or an errno.
int interp_prepare(struct interp *interp, const char *scratch);

// Runs the setup, the body until the stop request, and the teardown.
void interp_run(struct interp *interp);

#endif
