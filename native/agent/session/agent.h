// The agent's whole state, owned by main and handed down.
#ifndef KTSTR_AGENT_H
#define KTSTR_AGENT_H

#include "base/failure.h"
#include "group/group.h"
#include "process/process.h"
#include "scheduler/scheduler.h"
#include "sys/cgroup.h"
#include "sys/cmdline.h"
#include "wire/channel.h"

#include <signal.h>

// Of a guest.
#define CGROUP_ROOT "/sys/fs/cgroup"
#define SCRATCH_DIRECTORY "/ktstr/scratch"

enum { HOST_CONTROLLERS = 2 };

struct agent {
    struct cmdline options;
    struct cgroup_tree cgroups;
    const char *scratch;                // a directory for workers' nameless files
    bool host;                          // not PID 1 of a guest but a process among others: host.h
    int signals;                        // on a host a signalfd of what asks the agent to end; -1: none
    int ended_by;                       // the signal that came there
    bool switched_on[HOST_CONTROLLERS]; // controllers that the host's mount did not hand down before
    struct channel channel;
    struct group *groups;      // newest first; alive or not yet reported
    struct process *processes; // newest first; those that ended until their number is used again
    struct scheduler scheduler;
    uint64_t start_ns;
    uint64_t first_step_ns;       // 0: none has begun
    uint64_t reported_iterations; // of workers already reported
    uint32_t workers_reported;
    int uevents;      // a socket of the kernel's uevents (online.h); not above 0: none
    sigset_t blocked; // the agent's mask: SIGCHLD, which waiting lets through
    // The step in progress.
    uint32_t step, step_count; // step 0xFFFFFFFF: none
    uint32_t steps_done;
    char *step_label; // of the last one that began
    bool live;
    bool fault_done;
};

enum wait_result {
    WAIT_TIME,     // the time has come
    WAIT_COMMAND,  // bytes came over COM2 (live mode only)
    WAIT_DEADLINE, // the guest's deadline has passed
    WAIT_LOST,     // the host can't be reached any more
    WAIT_SIGNALED, // on a host: a signal asks the agent to end
    WAIT_PROCESS   // the process has ended (agent_wait_process only)
};

// Waits until `until_ns`; meanwhile buries children, and moves the input and output of processes.
enum wait_result agent_wait(struct agent *agent, uint64_t until_ns, bool commands);
// The same until the end of `process` has been told.
enum wait_result agent_wait_process(struct agent *agent, const struct process *process, uint64_t until_ns);

// What WAIT_LOST, WAIT_DEADLINE and WAIT_SIGNALED mean, as a failure; always false.
bool agent_ended(const struct agent *agent, enum wait_result why, struct failure *failure);

uint64_t agent_iterations(const struct agent *agent);

#endif
