// Which CPUs are online, and whether that changed.
#ifndef KTSTR_ONLINE_H
#define KTSTR_ONLINE_H

#include "agent.h"

// Listens to the kernel's uevents from now on. Where it can't (no CONFIG_NET), changes are seen by the last ONLINE
// only.
void online_begin(struct agent *agent);
// Sends ONLINE if a CPU came or went since the last turn.
void online_turn(struct agent *agent);
// Sends the last ONLINE, changes or not.
void online_end(struct agent *agent);

// Of one uevent's first words, as `offline@/devices/system/cpu/cpu3`: false for any other.
bool online_parse(const char *words, uint32_t *cpu, bool *online);

#endif
