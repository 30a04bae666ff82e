// cgroup2 below its mount. Paths are relative to it; "" is the root.
#ifndef KTSTR_CGROUP_H
#define KTSTR_CGROUP_H

#include "channel.h"
#include "command.h"
#include "failure.h"

#include <sys/types.h>

bool cgroup_create(const char *path, const struct str_list *controllers, struct failure *failure);
bool cgroup_remove(struct channel *log, const char *path, struct failure *failure);
bool cgroup_write(const char *path, const char *file, const char *value, struct failure *failure);
// A process that is gone is a warning, a busy cgroup is tried again 3 times 100 ms apart.
bool cgroup_move(struct channel *log, const char *path, pid_t pid, struct failure *failure);
bool cgroup_move_all(struct channel *log, const char *from, const char *to, struct failure *failure);

#endif
