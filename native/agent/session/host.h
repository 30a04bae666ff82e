// The agent on a host: a child of the process that runs scenarios, with all cgroups below a cgroup of its own. It
// mounts nothing, sets no sysctl and leaves nothing behind, however it ends (docs/protocol.md, "On a host").
#ifndef KTSTR_HOST_H
#define KTSTR_HOST_H

#include "agent.h"

enum { HOST_CHANNEL = 3 };
#define HOST_PLAN "/proc/self/fd/4"

// Creates the root of the run below `mount`, a mounted cgroup2. On failure prints the reason to standard error, leaves
// nothing behind and returns false.
bool host_begin(struct agent *agent, const char *mount, char *notes, size_t notes_size);
// Kills all processes that still run in the run's cgroups and removes the cgroups.
void host_end(struct agent *agent, const char *mount);

#endif
