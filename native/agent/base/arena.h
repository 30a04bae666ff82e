// Memory that is freed all at once: what a decoded command or program points to.
#ifndef KTSTR_ARENA_H
#define KTSTR_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
};

// Returns zeroed memory aligned for any type. Ends the process if memory runs out.
void *arena_alloc(struct arena *arena, size_t count, size_t size);
void arena_free(struct arena *arena);

#endif
