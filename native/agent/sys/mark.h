// Who owns a cgroup: the extended attribute user.ktstr of its directory names the agent that created it. The name of
// the directory proves nothing, because anybody may use it.
#ifndef KTSTR_MARK_H
#define KTSTR_MARK_H

#include <stdbool.h>

// Marks a directory as created by this process. Returns 0 or an errno.
int mark_set(const char *directory);
// Returns whether a process with the same PID, PID namespace and boot as this one created the directory. That process
// is dead, because this process has its PID now.
bool mark_of_predecessor(const char *directory);
// Prints NAME, a tab, the mark and a newline for every marked directory directly below `directory`. Returns 0 or an
// errno.
int mark_list(const char *directory);

#endif
