// What scheduler.c has of scheduler_end.c.
#ifndef KTSTR_SCHEDULER_END_H
#define KTSTR_SCHEDULER_END_H

#include "scheduler.h"
#include "session/agent.h"

// For a moment; past the deadline and without a host agent_wait does not wait.
enum wait_result scheduler_nap(struct agent *agent, uint64_t ns);
// How its process ended, in words.
void scheduler_ending(const struct scheduler *scheduler, char *text, size_t size);
// Where in the test: "after completing step 2 of 5 (12.3s into test)".
void scheduler_note_place(struct agent *agent);
// It is over, with all that is known about it; `failed` when it ended against the plan.
void scheduler_conclude(struct agent *agent, bool failed);
bool scheduler_is_over(const struct scheduler *scheduler);
// From one try to the next: told to stop, told to end, disabled by the kernel, killed.
void scheduler_push(struct agent *agent);
// All tries from `from` on, each with so much time to take effect, until it is over.
void scheduler_end_process(struct agent *agent, int from, uint64_t patience_ns);

#endif
