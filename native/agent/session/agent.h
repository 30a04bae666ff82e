// The whole state of the agent, owned by main and passed down.
#ifndef KTSTR_AGENT_H
#define KTSTR_AGENT_H

#include "group/group.h"
#include "process/process.h"
#include "scheduler/scheduler.h"
#include "sys/cgroup.h"
#include "sys/cmdline.h"
#include "wire/link.h"

#include <signal.h>

// In a guest.
#define CGROUP_ROOT "/sys/fs/cgroup"
#define SCRATCH_DIRECTORY "/ktstr/scratch"

enum { HOST_CONTROLLERS = 2 };

struct agent {
    struct cmdline options;
    struct link link;
    struct cgroup_tree cgroups;
    struct process_table processes;
    struct group_table groups;
    struct scheduler scheduler;
    int signals;                        // on a host, a signalfd for signals that ask the agent to end; -1: none
    bool switched_on[HOST_CONTROLLERS]; // controllers that the agent enabled in the host's mount
    int uevents;                        // socket for the kernel's uevents (online.h); -1: none
    sigset_t blocked;                   // the agent's signal mask: SIGCHLD, which is only unblocked while waiting
    uint32_t step;                      // the step in progress; 0xFFFFFFFF: none
    char *step_label;                   // label of the last step that began
    bool fault_done;
};

// Starts the agent's clock and connects the parts, which then point to each other: `agent` must stay where it is.
void agent_init(struct agent *agent);

// Waits for bytes over COM2 or the end of the run.
enum wait_result agent_wait_command(struct agent *agent);

#endif
