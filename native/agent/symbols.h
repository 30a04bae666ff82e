// Kernel addresses the host asked for.
#ifndef KTSTR_SYMBOLS_H
#define KTSTR_SYMBOLS_H

#include "channel.h"
#include "command.h"

// Reads /proc/kallsyms (only when symbols were asked for) and /proc/iomem and sends SYMBOLS. Names the kernel does not
// have are left out.
void symbols_send(struct channel *channel, const struct str_list *wanted);

#endif
