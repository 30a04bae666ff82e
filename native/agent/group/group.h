// Groups of workers, each created by a SPAWN.
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

struct group *group_find(struct agent *agent, uint32_t id);
bool group_spawn(struct agent *agent, const struct spawn_command *command, struct failure *failure);
bool group_start(struct agent *agent, const struct u32_list *ids, struct failure *failure);
// Stops the groups: waits until all workers are dead or none has died for 5 s, kills the rest, sends the reports and
// forgets the groups.
bool group_stop(struct agent *agent, const struct u32_list *ids, struct failure *failure);
// Does the same for all groups, in the order of their spawns.
void group_stop_all(struct agent *agent, uint64_t patience_ns);
// Sets how many nanoseconds after its release each worker begins; `ns` has one number per worker.
bool group_start_offsets(struct agent *agent, uint32_t id, const struct u32_list *ns, struct failure *failure);
bool group_set_affinity(struct agent *agent, const struct command *command, struct failure *failure);
bool group_kill_worker(struct agent *agent, uint32_t id, uint32_t index, uint32_t signal, struct failure *failure);
void group_send_counters(struct agent *agent, uint64_t time_ns);

void group_free(struct group *group);

// Returns how many workers of the group have completed their set-up, whether or not they have been released.
uint32_t group_ready(const struct group *group);
// scheduler/watchdog.c: returns whether the worker is runnable now; stores the CPU it last ran on.
bool worker_is_runnable(pid_t pid, unsigned *cpu);

// Reaps every child that has ended and records its end.
void group_bury(struct agent *agent);

#endif
