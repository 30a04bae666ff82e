// Running out of memory: the agent reports it instead of dying as PID 1, which would panic the kernel.
#ifndef KTSTR_EXHAUSTED_H
#define KTSTR_EXHAUSTED_H

#include <stddef.h>

// Calls `report` if the calling process runs out of memory from now on. If `report` itself needs more memory, the
// process exits.
void exhausted_report_by(void (*report)(size_t bytes));

// Reports and exits. A worker or any other child exits with status 1 without calling `report`.
_Noreturn void exhausted(size_t bytes);

#endif
