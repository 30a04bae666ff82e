// Primitives that wait: for a time, a partner, a lock or a child. A stop request interrupts every wait.
#ifndef KTSTR_BLOCKING_H
#define KTSTR_BLOCKING_H

#include "interp.h"

void blocking_sleep(struct interp *interp, uint64_t ns);
void blocking_post(struct interp *interp, uint32_t word, uint32_t wake);
void blocking_await(struct interp *interp, uint32_t word);
void blocking_pipe_write(struct interp *interp, uint32_t channel, uint32_t bytes);
void blocking_pipe_read(struct interp *interp, uint32_t channel, uint32_t bytes);
void blocking_lock(struct interp *interp, uint32_t mutex);
void blocking_unlock(struct interp *interp, uint32_t mutex);
void blocking_fork_exit(struct interp *interp);
// Unlocks every mutex that the program left locked.
void blocking_release_all(struct interp *interp);

#endif
