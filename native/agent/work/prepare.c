#include "fileio.h"
#include "interp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *map(uint64_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int interp_prepare(struct interp *interp, const char *scratch) {
    const struct program *program = interp->program;
    interp->file = interp->direct_file = -1;
    tick_open(&interp->probe.clock);
    interp->loops = calloc(program->loops + 1, sizeof *interp->loops);
    if (!interp->loops)
        return ENOMEM;
    if (program->transfer_bytes) {
        interp->transfer = map(program->transfer_bytes);
        if (!interp->transfer)
            return errno;
        memset(interp->transfer, 0x6b, program->transfer_bytes);
    }
    if (program->walk_bytes && !(interp->walk = map(program->walk_bytes)))
        return errno;
    if (program->matrix) {
        uint64_t cells = 3ull * program->matrix * program->matrix;
        if (!(interp->matrix = map(cells * sizeof *interp->matrix)))
            return errno;
        for (uint64_t i = 0; i < cells; i++)
            interp->matrix[i] = (uint32_t)i * 2654435761u;
    }
    return program->uses_file ? fileio_open(interp, scratch) : 0;
}
