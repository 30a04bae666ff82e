/* SPDX-License-Identifier: GPL-2.0 */
#include "llc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the first line of a file of one of the CPU's caches (Documentation/ABI/testing/sysfs-devices-system-cpu). */
static bool read_line(unsigned cpu, int index, const char *file, char *line, int size) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cache/index%d/%s", cpu, index, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return false;
    bool read = fgets(line, size, stream) != NULL;
    fclose(stream);
    return read;
}

/* Reads the list of CPUs that share the cache with the highest level. */
static bool last_level(unsigned cpu, char *list, int size) {
    char level[16];
    int highest = 0;
    for (int index = 0; read_line(cpu, index, "level", level, sizeof level); index++) {
        if (atoi(level) > highest && read_line(cpu, index, "shared_cpu_list", list, size))
            highest = atoi(level);
    }
    return highest > 0;
}

unsigned number_llcs(unsigned cpus, unsigned most, unsigned short *llc_of) {
    char list[4096];
    unsigned count = 0;
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        llc_of[cpu] = 0;
        if (!last_level(cpu, list, sizeof list))
            continue;
        /* Lists are ascending: if a list begins with a lower CPU, its cache already has a number. */
        unsigned first = strtoul(list, NULL, 10);
        if (first < cpu)
            llc_of[cpu] = llc_of[first];
        else if (count < most)
            llc_of[cpu] = count++;
    }
    return count > 0 ? count : 1;
}
