// Which CPUs are online, and changes to that.
#ifndef KTSTR_ONLINE_H
#define KTSTR_ONLINE_H

#include "agent.h"

// Starts to listen to the kernel's uevents. If that fails (no CONFIG_NET), only the last ONLINE shows changes.
void online_begin(struct agent *agent);
// Sends ONLINE if a CPU came or went since the last turn.
void online_turn(struct agent *agent);
// Sends the last ONLINE, whether or not anything changed.
void online_end(struct agent *agent);

// Parses the first words of a uevent such as `offline@/devices/system/cpu/cpu3`. Returns false for any other.
bool online_parse(const char *words, uint32_t *cpu, bool *online);

#endif
