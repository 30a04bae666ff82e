// The functions of scheduler/end.c, for scheduler/scheduler.c.
#ifndef KTSTR_SCHEDULER_END_H
#define KTSTR_SCHEDULER_END_H

#include "scheduler.h"

// Describes in words how the process of the scheduler ended.
void scheduler_ending(const struct scheduler *scheduler, char *text, size_t size);
// Records the current place in the test, such as "after completing step 2 of 5 (12.3s into test)".
void scheduler_note_place(struct scheduler *scheduler);
// Reports the end of the scheduler with all that is known about it; `failed`: it ended unexpectedly.
void scheduler_conclude(struct scheduler *scheduler, bool failed);
bool scheduler_is_over(const struct scheduler *scheduler);
// Takes the next step to end the scheduler: SIGINT, SIGTERM, a reset by the kernel, SIGKILL.
void scheduler_push(struct scheduler *scheduler);
// Takes all steps from number `from` on until the scheduler is over, waiting `patience_ns` after each.
void scheduler_end_process(struct scheduler *scheduler, int from, uint64_t patience_ns);

#endif
