// The code that runs in a forked worker.
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
    const char *scratch; // directory for the worker's file
    pid_t agent;         // parent process of the worker
};

// Values of telemetry.ready.
enum { WORKER_UNBORN, WORKER_READY, WORKER_FAILED };
// Futex words: the worker wakes telemetry.ready, the agent shared_spawn.release.

// Prepares, reports that it is ready, waits for the release, works, and exits. Before that the agent sets cgroup,
// affinity and policy of the worker, then writes a byte to the pipe `placed`; after reading it the worker may set its
// memory policy.
_Noreturn void worker_main(const struct worker_start *start, int placed);

#endif
