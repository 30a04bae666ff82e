// Groups of workers: what a SPAWN made.
#ifndef KTSTR_GROUP_H
#define KTSTR_GROUP_H

#include "base/arena.h"
#include "base/cpumask.h"
#include "base/failure.h"
#include "wire/command.h"
#include "work/shared.h"
#include "work/telemetry.h"

#include <stdbool.h>
#include <sys/types.h>

struct agent;

enum exit_kind { EXIT_COMPLETED, EXIT_EXITED, EXIT_SIGNALED, EXIT_TIMED_OUT };

struct worker {
    pid_t pid;
    uint32_t index, role;
    struct telemetry *page;
    bool dead;
    bool stop_sent;  // it was asked to stop
    bool killed;     // because it did not answer
    int wait_status; // of waitpid
    uint64_t death_ns;
    // Taken from the zombie.
    struct telemetry_sched sched;
    struct cpumask allowed;
    int nice;
    uint8_t policy;
};

struct group {
    struct group *next;
    uint32_t id;
    char *cgroup; // at the SPAWN
    char *label;
    uint32_t count;
    struct worker *workers;
    struct shared_spawn *shared;
    size_t shared_bytes;
    bool started;
    uint64_t spawned_ns, started_ns; // started 0: not yet
};

struct group *group_find(struct agent *agent, uint32_t id);
bool group_spawn(struct agent *agent, const struct spawn_command *command, struct failure *failure);
bool group_start(struct agent *agent, const struct u32_list *ids, struct failure *failure);
// Stops, waits until all are dead or none died for 5 s, kills what is left, reports, and forgets the groups.
bool group_stop(struct agent *agent, const struct u32_list *ids, struct failure *failure);
// The same for every group there is, in the order of their spawns.
void group_stop_all(struct agent *agent, uint64_t patience_ns);
// How long after its release each worker begins; one number a worker.
bool group_start_offsets(struct agent *agent, uint32_t id, const struct u32_list *ns, struct failure *failure);
bool group_set_affinity(struct agent *agent, const struct command *command, struct failure *failure);
bool group_kill_worker(struct agent *agent, uint32_t id, uint32_t index, uint32_t signal, struct failure *failure);
void group_send_counters(struct agent *agent, uint64_t time_ns);

void group_free(struct group *group);

// How many of its workers have set themselves up and wait for their release, or had it.
uint32_t group_ready(const struct group *group);
// scheduler_watchdog.c: whether it wants to run now, and the CPU it was last on.
bool worker_is_runnable(pid_t pid, unsigned *cpu);

// Takes note of every child that has ended and frees its process.
void group_bury(struct agent *agent);

#endif
