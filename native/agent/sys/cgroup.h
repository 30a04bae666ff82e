// cgroup2 below the root of the run. Paths are relative to it; "" is the root.
#ifndef KTSTR_CGROUP_H
#define KTSTR_CGROUP_H

#include "base/failure.h"
#include "wire/command.h"

#include <sys/types.h>

struct agent;

// Where the cgroups of a run are: those of a guest below the mount, those of a host below a cgroup of the run's own.
struct cgroup_tree {
    char root[512]; // absolute
    char leaf[16];  // below the root: the tasks of ""; empty: the root itself, which only a mount's can hold beside
                    // children
};

bool cgroup_create(const struct agent *agent, const char *path, const struct str_list *controllers,
                   struct failure *failure);
bool cgroup_remove(struct agent *agent, const char *path, struct failure *failure);
// All of them, with the tree's own root; nothing may run in them any more.
bool cgroup_remove_root(struct agent *agent, struct failure *failure);
bool cgroup_write(const struct agent *agent, const char *path, const char *file, const char *value,
                  struct failure *failure);
// The whole file, to be freed; NULL on failure.
char *cgroup_read(const struct agent *agent, const char *path, const char *file, struct failure *failure);
// A process that is gone is a warning, a busy cgroup is tried again 3 times 100 ms apart.
bool cgroup_move(struct agent *agent, const char *path, pid_t pid, struct failure *failure);
bool cgroup_move_all(struct agent *agent, const char *from, const char *to, struct failure *failure);

#endif
