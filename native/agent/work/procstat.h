// Numbers about a process from /proc.
#ifndef KTSTR_PROCSTAT_H
#define KTSTR_PROCSTAT_H

#include "telemetry.h"

#include <sys/types.h>

// /proc/<pid>/schedstat, readable of a zombie too; zeroes when the kernel has none.
void procstat_sched(pid_t pid, struct telemetry_sched *sched);
// numa_pages_migrated of /proc/vmstat: of the whole machine.
uint64_t procstat_pages_migrated(void);
// Adds up the caller's resident pages by node from /proc/self/numa_maps.
void procstat_numa_pages(uint64_t pages[TELEMETRY_NODES]);

#endif
