// Whose a cgroup is: the extended attribute user.ktstr of its directory tells the agent that made it. A name tells
// nothing: anybody may take it.
#ifndef KTSTR_MARK_H
#define KTSTR_MARK_H

#include <stdbool.h>

// Marks a directory as made by this process. 0 or an errno.
int mark_set(const char *directory);
// Whether a process of this PID namespace and boot with this process's number made the directory: since this process
// has the number, that one is dead.
bool mark_of_predecessor(const char *directory);
// Prints NAME, a tab, the mark and a newline for every marked directory directly below `directory`. 0 or an errno.
int mark_list(const char *directory);

#endif
