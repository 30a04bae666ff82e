/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the host's timing out of a machine with a counted clock. In a stock qemu the main loop moves the clock when it
 * finds all CPUs idle, and handles due timers. If the host has stopped the vCPU thread before it waits, that thread
 * then goes on with the next CPU instead of the first, and timers that are due together have another order. Here the
 * vCPU thread moves the clock itself, and the main loop works only while that thread waits.
 */
#ifndef KTSTR_EXACT_H
#define KTSTR_EXACT_H

#include <stdbool.h>

/* Begins with the vCPU thread's first instructions. Must be called by qemu's main thread, with `qemu` filled. */
void exact_begin(void);
/*
 * Sets the clock to the next timer, as the main loop would if all CPUs are idle. Must be called by the vCPU thread with
 * qemu's lock held. Returns whether a CPU has work then; without a timer none ever has.
 */
bool exact_skip_idle(void);

#endif
