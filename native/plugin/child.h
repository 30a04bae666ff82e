/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A forked machine: a single thread that also does the work of qemu's main loop. */
#ifndef KTSTR_CHILD_H
#define KTSTR_CHILD_H

#include "server.h"

/* Exit codes of a child; from CHILD_SHUTDOWN on, qemu's reason is added (qapi/run-state.json, ShutdownCause). */
enum { CHILD_ENDED = 0, CHILD_FAILED = 1, CHILD_STUCK = 2, CHILD_SHUTDOWN = 16, CHILD_RESET = 64 };

/* Descriptors of the child's own files. */
struct child_files {
    int com1, com2, range;
};

/* Turns the process that fork() has just created into a separate machine. Exits if that is impossible. */
void child_begin(const struct server_options *options, const struct child_files *files, void *range, int parent);

#endif
