// Powers off the guest.
#ifndef KTSTR_POWEROFF_H
#define KTSTR_POWEROFF_H

#include "wire/channel.h"

// Waits until COM2 has sent all its bytes, then powers off.
_Noreturn void poweroff_now(struct channel *channel);
// Starts a thread that powers off in `ms` milliseconds, whatever the control loop does. Returns 0 or an errno.
int poweroff_deadline(uint64_t ms);
// Postpones this power-off to `ms` milliseconds from now.
void poweroff_postpone(uint64_t ms);

#endif
