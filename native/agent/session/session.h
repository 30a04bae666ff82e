// The two ways to deliver commands, and their waits.
#ifndef KTSTR_SESSION_H
#define KTSTR_SESSION_H

#include "agent.h"

// Runs the plan in `path`. On failure sends ERROR and returns false.
bool plan_run(struct agent *agent, const char *path);
// Executes commands from COM2 until END. If the session breaks, sends ERROR and returns false.
bool live_run(struct agent *agent);

// Waits until `until_ns` and sends PROGRESS. Returns false at the deadline, when the host is lost, when a signal asks
// the agent to end or when the scheduler has failed.
bool hold_until(struct agent *agent, uint64_t begun_ns, uint64_t until_ns, struct failure *failure);

#endif
