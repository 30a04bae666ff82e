// Kernel addresses the host asked for.
#ifndef KTSTR_SYMBOLS_H
#define KTSTR_SYMBOLS_H

#include "wire/channel.h"
#include "wire/command.h"

#include <stdio.h>

struct symbol;

// Reads /proc/kallsyms (only when symbols were asked for) and /proc/iomem and sends SYMBOLS. Names the kernel does not
// have are left out.
void symbols_send(struct channel *channel, const struct str_list *wanted);
// The wanted names that a listing as /proc/kallsyms has, in ascending order; gives their number. A NULL listing has
// none.
uint32_t symbols_find(FILE *listing, const struct str_list *wanted, struct arena *arena, struct symbol **found);

#endif
