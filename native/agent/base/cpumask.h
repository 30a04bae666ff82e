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
// False when a CPU is out of range.
bool cpumask_of(struct cpu_list list, struct cpumask *mask);
void put_cpus(struct buffer *buffer, const struct cpumask *mask);
// 0 or an errno.
int cpumask_apply(pid_t pid, const struct cpumask *mask);
int cpumask_read(pid_t pid, struct cpumask *mask);
// Cpulist text as `0-3,8`, ended by "…" where there is no room for all; `size` is 16 at least.
void cpumask_text(const struct cpumask *mask, char *text, size_t size);
// Adds what a cpulist names, but for CPUs over the limit; the lowest CPU, or -1 for none.
int cpulist_parse(const char *text, struct cpumask *mask);

#endif
