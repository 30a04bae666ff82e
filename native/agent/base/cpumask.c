#include "cpumask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has(const struct cpumask *mask, unsigned cpu) { return mask->words[cpu / 64] >> (cpu % 64) & 1; }
static void add(struct cpumask *mask, unsigned cpu) { mask->words[cpu / 64] |= 1ull << (cpu % 64); }

struct cpumask cpumask_all(void) {
    struct cpumask mask;
    memset(&mask, 0xff, sizeof mask);
    return mask;
}

bool cpumask_of(struct cpu_list list, struct cpumask *mask) {
    *mask = (struct cpumask){0};
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.cpus[i] >= CPUMASK_CPUS)
            return false;
        add(mask, list.cpus[i]);
    }
    return true;
}

void put_cpus(struct buffer *buffer, const struct cpumask *mask) {
    size_t gap = put_gap_u32(buffer);
    uint32_t count = 0;
    for (unsigned cpu = 0; cpu < CPUMASK_CPUS; cpu++)
        if (has(mask, cpu)) {
            put_u32(buffer, cpu);
            count++;
        }
    patch_u32(buffer, gap, count);
}

int cpumask_apply(pid_t pid, const struct cpumask *mask) {
    return sched_setaffinity(pid, sizeof mask->words, (const cpu_set_t *)mask->words) < 0 ? errno : 0;
}

int cpumask_read(pid_t pid, struct cpumask *mask) {
    *mask = (struct cpumask){0};
    return sched_getaffinity(pid, sizeof mask->words, (cpu_set_t *)mask->words) < 0 ? errno : 0;
}

void cpumask_text(const struct cpumask *mask, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (unsigned cpu = 0; cpu < CPUMASK_CPUS; cpu++) {
        if (!has(mask, cpu))
            continue;
        // A range and the "…" must fit.
        if (used + 16 >= size) {
            snprintf(text + used, size - used, "…");
            return;
        }
        unsigned last = cpu;
        while (last + 1 < CPUMASK_CPUS && has(mask, last + 1))
            last++;
        used += (size_t)snprintf(text + used, size - used, last > cpu ? "%s%u-%u" : "%s%u", used ? "," : "", cpu, last);
        cpu = last;
    }
}

int cpulist_parse(const char *text, struct cpumask *mask) {
    int lowest = -1;
    while (*text >= '0' && *text <= '9') {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (unsigned long cpu = first; cpu <= last && cpu < CPUMASK_CPUS; cpu++) {
            add(mask, (unsigned)cpu);
            if (lowest < 0 || (int)cpu < lowest)
                lowest = (int)cpu;
        }
        text = *end == ',' ? end + 1 : end;
    }
    return lowest;
}
