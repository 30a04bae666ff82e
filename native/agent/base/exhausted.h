// What happens when there is no memory left: a report instead of a panic of the kernel, which the end of PID 1 would
// be.
#ifndef KTSTR_EXHAUSTED_H
#define KTSTR_EXHAUSTED_H

#include <stddef.h>

// From here on `report` speaks for the process that calls this when it runs out of memory. Should the report want more,
// the process ends there.
void exhausted_report_by(void (*report)(size_t bytes));

// The process reports and ends; a worker or any other child ends alone, with status 1.
_Noreturn void exhausted(size_t bytes);

#endif
