// The two ways commands are delivered, and the waits that belong to them.
#ifndef KTSTR_SESSION_H
#define KTSTR_SESSION_H

#include "agent.h"

// Runs the plan in `path`; false when it failed, with ERROR sent.
bool plan_run(struct agent *agent, const char *path);
// Obeys COM2 until END; false when the session broke, with ERROR sent.
bool live_run(struct agent *agent);

// Holds until `until_ns` and sends PROGRESS; false at the deadline or when the host is lost.
bool hold_until(struct agent *agent, uint64_t begun_ns, uint64_t until_ns, struct failure *failure);

#endif
