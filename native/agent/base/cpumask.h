// CPU sets of up to 4096 CPUs, as wide as the kernel's largest NR_CPUS needs.
#ifndef KTSTR_CPUMASK_H
#define KTSTR_CPUMASK_H

#include "buffer.h"
#include "cursor.h"

#include <sched.h>
#include <sys/types.h>

enum { CPUMASK_CPUS = 4096 };

struct cpumask {
    uint64_t words[CPUMASK_CPUS / 64];
};

struct cpumask cpumask_all(void);
// Returns false if a CPU is out of range.
bool cpumask_of(struct cpu_list list, struct cpumask *mask);
void put_cpus(struct buffer *buffer, const struct cpumask *mask);
// Both return 0 or an errno.
int cpumask_apply(pid_t pid, const struct cpumask *mask);
int cpumask_read(pid_t pid, struct cpumask *mask);
// Formats the mask as cpulist text such as `0-3,8`, cut with "…" if it does not fit; `size` is at least 16.
void cpumask_text(const struct cpumask *mask, char *text, size_t size);
// Adds the CPUs of a cpulist to the mask, except those beyond CPUMASK_CPUS. Returns the lowest CPU added, or -1 if none
// was.
int cpulist_parse(const char *text, struct cpumask *mask);

#endif
