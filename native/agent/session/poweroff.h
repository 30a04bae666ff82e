// The end of the guest.
#ifndef KTSTR_POWEROFF_H
#define KTSTR_POWEROFF_H

#include "wire/channel.h"

// Lets COM2 run dry, then powers off.
_Noreturn void poweroff_now(struct channel *channel);
// Powers off `ms` after now whatever the control loop does, by a thread of its own. 0 or an errno.
int poweroff_deadline(uint64_t ms);
// Puts that moment off to `ms` after now.
void poweroff_postpone(uint64_t ms);

#endif
