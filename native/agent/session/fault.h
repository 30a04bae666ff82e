// Fault injection for tests: `ktstr.fault=`.
#ifndef KTSTR_FAULT_H
#define KTSTR_FAULT_H

#include "agent.h"

// Before READY: `hang` never returns; only the power-off at the deadline ends it.
void fault_before_ready(struct agent *agent);
// After READY: `mute`.
void fault_after_ready(struct agent *agent);
// At the first HOLD of a plan or the first live command: `crash`, `torn`, `crc`.
void fault_at_first_hold(struct agent *agent);

#endif
