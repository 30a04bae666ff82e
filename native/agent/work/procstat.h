// Figures from /proc.
#ifndef KTSTR_PROCSTAT_H
#define KTSTR_PROCSTAT_H

#include "telemetry.h"

#include <stdbool.h>
#include <sys/types.h>

// Reads /proc/<pid>/schedstat, which also works for a zombie; all zeroes if the kernel lacks the file.
void procstat_sched(pid_t pid, struct telemetry_sched *sched);
// Returns numa_pages_migrated from /proc/vmstat, which counts for the whole machine.
uint64_t procstat_pages_migrated(void);
// Sums up the caller's resident pages per node from /proc/self/numa_maps.
void procstat_numa_pages(uint64_t pages[TELEMETRY_NODES]);
// Returns whether the process is runnable now; if so, stores the CPU it last ran on.
bool procstat_runnable(pid_t pid, unsigned *cpu);

#endif
