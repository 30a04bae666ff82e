// The whole state of the agent, owned by main and passed down.
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

// In a guest.
#define CGROUP_ROOT "/sys/fs/cgroup"
#define SCRATCH_DIRECTORY "/ktstr/scratch"

enum { HOST_CONTROLLERS = 2 };

struct agent {
    struct cmdline options;
    struct cgroup_tree cgroups;
    const char *scratch;                // directory for the unnamed files of workers
    bool host;                          // an ordinary process on a host instead of PID 1 of a guest (host.h)
    int signals;                        // on a host, a signalfd for signals that ask the agent to end; -1: none
    int ended_by;                       // the signal received there
    bool switched_on[HOST_CONTROLLERS]; // controllers that the agent enabled in the host's mount
    struct channel channel;
    struct group *groups;      // newest first; alive or not yet reported
    struct process *processes; // newest first; an ended one stays until its id is used again
    struct scheduler scheduler;
    uint64_t start_ns;
    uint64_t first_step_ns;       // 0: no step has begun
    uint64_t reported_iterations; // sum over the workers already reported
    uint32_t workers_reported;
    int uevents;      // socket for the kernel's uevents (online.h); 0 or less: none
    sigset_t blocked; // the agent's signal mask: SIGCHLD, which is only unblocked while waiting
    // The step in progress.
    uint32_t step, step_count; // step 0xFFFFFFFF: none
    uint32_t steps_done;
    char *step_label; // label of the last step that began
    bool live;
    bool fault_done;
};

enum wait_result {
    WAIT_TIME,     // `until_ns` has been reached
    WAIT_COMMAND,  // bytes have arrived over COM2 (live mode only)
    WAIT_DEADLINE, // the guest's deadline has passed
    WAIT_LOST,     // the host can't be reached any more
    WAIT_SIGNALED, // on a host: a signal asks the agent to end
    WAIT_PROCESS   // the process has ended (agent_wait_process only)
};

// Waits until `until_ns`. Meanwhile reaps children and moves the input and output of processes.
enum wait_result agent_wait(struct agent *agent, uint64_t until_ns, bool commands);
// Does the same until the end of `process` has been reported.
enum wait_result agent_wait_process(struct agent *agent, const struct process *process, uint64_t until_ns);

// Turns WAIT_LOST, WAIT_DEADLINE or WAIT_SIGNALED into a failure. Always returns false.
bool agent_ended(const struct agent *agent, enum wait_result why, struct failure *failure);

uint64_t agent_iterations(const struct agent *agent);

#endif
