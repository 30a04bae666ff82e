// Reports to the host that the agent has run out of memory.
#ifndef KTSTR_OUT_OF_MEMORY_H
#define KTSTR_OUT_OF_MEMORY_H

#include "wire/channel.h"

// Makes the calling process send ERROR if it runs out of memory from now on, and then exit, which ends the guest.
void out_of_memory_tell(struct channel *channel);

#endif
