// Kernel addresses for the host.
#ifndef KTSTR_SYMBOLS_H
#define KTSTR_SYMBOLS_H

#include "wire/channel.h"
#include "wire/command.h"

#include <stdio.h>

struct symbol;

// Reads /proc/kallsyms (only if symbols are wanted) and /proc/iomem and sends SYMBOLS. Leaves out names that the kernel
// does not have.
void symbols_send(struct channel *channel, const struct str_list *wanted);
// Finds the wanted names in a listing in the format of /proc/kallsyms, in ascending order. Returns how many were found;
// 0 for a NULL listing.
uint32_t symbols_find(FILE *listing, const struct str_list *wanted, struct arena *arena, struct symbol **found);

#endif
