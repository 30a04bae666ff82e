#include "procstat.h"

#include "base/textfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void procstat_sched(pid_t pid, struct telemetry_sched *sched) {
    char path[64], text[128], *end = text;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    textfile_read(path, text, sizeof text);
    sched->cpu_ns = strtoull(end, &end, 10);
    sched->delay_ns = strtoull(end, &end, 10);
    sched->times = strtoull(end, &end, 10);
}

uint64_t procstat_pages_migrated(void) { return textfile_field("/proc/vmstat", "numa_pages_migrated ", 0); }

void procstat_numa_pages(uint64_t pages[TELEMETRY_NODES]) {
    FILE *file = fopen("/proc/self/numa_maps", "re");
    char *line = NULL;
    size_t capacity = 0;
    memset(pages, 0, TELEMETRY_NODES * sizeof *pages);
    while (file && getline(&line, &capacity, file) > 0)
        for (char *at = strstr(line, " N"); at; at = strstr(at + 1, " N")) {
            char *end;
            unsigned long node = strtoul(at + 2, &end, 10);
            if (end != at + 2 && *end == '=' && node < TELEMETRY_NODES)
                pages[node] += strtoull(end + 1, NULL, 10);
        }
    free(line);
    if (file)
        fclose(file);
}

// proc(5): "pid (name) S …", where the name may contain any character; field 39 is the CPU the process last ran on.
bool procstat_runnable(pid_t pid, unsigned *cpu) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    textfile_read(path, text, sizeof text);
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] != 'R')
        return false;
    for (int field = 2; at && field < 39; field++)
        at = strchr(at + 1, ' ');
    *cpu = at ? (unsigned)strtoul(at, NULL, 10) : 0;
    return true;
}
