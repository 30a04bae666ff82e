// What the host hears when the agent runs out of memory.
#ifndef KTSTR_OUT_OF_MEMORY_H
#define KTSTR_OUT_OF_MEMORY_H

#include "wire/channel.h"

// From here on the process that calls this sends ERROR when it runs out of memory, and ends, the guest with it.
void out_of_memory_tell(struct channel *channel);

#endif
