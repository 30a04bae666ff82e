// Groups of workers, each created by a SPAWN.
#ifndef KTSTR_GROUP_H
#define KTSTR_GROUP_H

#include "base/arena.h"
#include "base/cpumask.h"
#include "base/failure.h"
#include "process/process.h"
#include "sys/cgroup.h"
#include "wire/command.h"
#include "wire/link.h"
#include "work/shared.h"
#include "work/telemetry.h"

#include <stdbool.h>
#include <sys/types.h>

enum exit_kind { EXIT_COMPLETED, EXIT_EXITED, EXIT_SIGNALED, EXIT_TIMED_OUT };

struct worker {
    pid_t pid;
    uint32_t index, role;
    struct telemetry *page;
    bool dead;
    bool stop_sent;  // the worker was asked to stop
    bool killed;     // because the worker did not answer
    int wait_status; // from waitpid
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
    char *cgroup; // at SPAWN time
    char *label;
    uint32_t count;
    struct worker *workers;
    struct shared_spawn *shared;
    size_t shared_bytes;
    bool started;
    uint64_t spawned_ns, started_ns; // started_ns 0: not started yet
};

struct group_table {
    struct link *link;
    const struct cgroup_tree *cgroups;
    struct process_table *processes; // the agent's other children
    struct group *first;             // newest first; alive or not yet reported
    uint64_t reported_iterations;    // sum over the workers already reported
    uint32_t workers_reported;
};

struct group *group_find(struct group_table *table, uint32_t id);
bool group_spawn(struct group_table *table, const struct spawn_command *command, struct failure *failure);
bool group_start(struct group_table *table, const struct u32_list *ids, struct failure *failure);
// Stops the groups: waits until all workers are dead or none has died for 5 s, kills the rest, sends the reports and
// forgets the groups.
bool group_stop(struct group_table *table, const struct u32_list *ids, struct failure *failure);
// Does the same for all groups, in the order of their spawns.
void group_stop_all(struct group_table *table, uint64_t patience_ns);
// Sets how many nanoseconds after its release each worker begins; `ns` has one number per worker.
bool group_start_offsets(struct group_table *table, uint32_t id, const struct u32_list *ns, struct failure *failure);
bool group_set_affinity(struct group_table *table, const struct command *command, struct failure *failure);
bool group_kill_worker(struct group_table *table, uint32_t id, uint32_t index, uint32_t signal,
                       struct failure *failure);
void group_send_counters(struct group_table *table, uint64_t time_ns);

// Returns the sum of the iterations of all workers so far.
uint64_t group_iterations(const struct group_table *table);

void group_free(struct group *group);

// Returns how many workers of the group have completed their set-up, whether or not they have been released.
uint32_t group_ready(const struct group *group);

// Reaps every child that has ended and records its end.
void group_bury(struct group_table *table);

#endif
