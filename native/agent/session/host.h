// The agent on a host: a child of the process that runs scenarios, with cgroups below one of its own. It mounts
// nothing, sets no sysctl and leaves nothing behind, however it ends (docs/protocol.md, "On a host").
#ifndef KTSTR_HOST_H
#define KTSTR_HOST_H

#include "agent.h"

enum { HOST_CHANNEL = 3 };
#define HOST_PLAN "/proc/self/fd/4"

// Makes the root of the run below `mount`, a mounted cgroup2. False: standard error says why, and nothing is left.
bool host_begin(struct agent *agent, const char *mount, char *notes, size_t notes_size);
// Ends what still runs in the run's cgroups and removes them.
void host_end(struct agent *agent, const char *mount);

#endif
