// The worker's own side: what runs in the forked process.
#ifndef KTSTR_WORKER_H
#define KTSTR_WORKER_H

#include "shared.h"
#include "telemetry.h"
#include "wire/command.h"

#include <sys/types.h>

struct worker_start {
    const struct spawn_command *command;
    const struct worker_spec *spec;
    uint32_t role;
    struct telemetry *page;
    int telemetry_fd;
    struct shared_spawn *shared;
    struct channel_set *channels;
    int (*pipes)[2];
    const char *scratch; // directory for its file
    pid_t agent;         // their parent
};

// Values of telemetry.ready.
enum { WORKER_UNBORN, WORKER_READY, WORKER_FAILED };
// Futex words the agent wakes: telemetry.ready is the worker's, shared_spawn.release the agent's.

// Prepares, tells that it is ready, waits for the release, works, and exits. Placement in cgroup, affinity and policy
// is the agent's, done before; `placed` is a pipe from which the worker reads a byte when it may take its memory
// policy.
_Noreturn void worker_main(const struct worker_start *start, int placed);

#endif
