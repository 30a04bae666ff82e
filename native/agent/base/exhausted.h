// What happens when there is no memory left: a report instead of a panic of the kernel, which the end of PID 1 would
// be.
#ifndef KTSTR_EXHAUSTED_H
#define KTSTR_EXHAUSTED_H

#include "wire/channel.h"

#include <stddef.h>

// From here on the process that calls this tells the host when it runs out of memory.
void exhausted_tell(struct channel *channel);

// The agent sends ERROR and ends, the guest with it; a worker or any other child ends alone, with status 1.
_Noreturn void exhausted(size_t bytes);

#endif
