// cgroup2 below the root of the run. Paths are relative to this root; "" is the root itself.
#ifndef KTSTR_CGROUP_H
#define KTSTR_CGROUP_H

#include "base/failure.h"
#include "wire/command.h"
#include "wire/link.h"

#include <sys/types.h>

// Where the cgroups of a run are: in a guest below the mount, on a host below a cgroup of the run's own.
struct cgroup_tree {
    struct link *link;
    char root[512]; // absolute
    char leaf[16];  // cgroup below the root for the tasks of ""; empty: the root itself, which can hold tasks beside
                    // child cgroups only if it is the root of a mount
};

bool cgroup_create(const struct cgroup_tree *tree, const char *path, const struct str_list *controllers,
                   struct failure *failure);
bool cgroup_remove(const struct cgroup_tree *tree, const char *path, struct failure *failure);
// Removes all cgroups of the run including the root of the tree; no process may run in them any more.
bool cgroup_remove_root(const struct cgroup_tree *tree, struct failure *failure);
bool cgroup_write(const struct cgroup_tree *tree, const char *path, const char *file, const char *value,
                  struct failure *failure);
// Returns the whole file, which the caller frees, or NULL on failure.
char *cgroup_read(const struct cgroup_tree *tree, const char *path, const char *file, struct failure *failure);
// Moves a process. Only warns if the process is gone. Retries a busy cgroup 3 times, 100 ms apart.
bool cgroup_move(const struct cgroup_tree *tree, const char *path, pid_t pid, struct failure *failure);
bool cgroup_move_all(const struct cgroup_tree *tree, const char *from, const char *to, struct failure *failure);

#endif
