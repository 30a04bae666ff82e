// The kernel's side (kernel/sched/ext.c): the files below /sys/kernel/sched_ext, the log lines that begin with
// "sched_ext:", SysRq-D and SysRq-S, and the trace event sched_ext_dump.
#include "base/textfile.h"
#include "scheduler.h"
#include "wire/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A separate trace instance, so that tests that trace something else are not disturbed.
#define TRACE_INSTANCE "/sys/kernel/tracing/instances/ktstr"
// The size of the buffer per CPU; a dump is written by one CPU.
#define TRACE_BUFFER_KB "512"

bool sched_ext_present(void) { return access("/sys/kernel/sched_ext/state", R_OK) == 0; }

bool sched_ext_is(const char *state) {
    char text[32];
    return textfile_read("/sys/kernel/sched_ext/state", text, sizeof text) == 0 && strcmp(text, state) == 0;
}

void sched_ext_reset(void) { textfile_write("/proc/sysrq-trigger", "S"); }

void sched_ext_dump(void) { textfile_write("/proc/sysrq-trigger", "D"); }

static int open_trace(void) {
    if (mkdir(TRACE_INSTANCE, 0700) < 0 && errno != EEXIST)
        return -1;
    textfile_write(TRACE_INSTANCE "/buffer_size_kb", TRACE_BUFFER_KB);
    if (textfile_write(TRACE_INSTANCE "/events/sched_ext/sched_ext_dump/enable", "1") != 0)
        return -1;
    return open(TRACE_INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

void sched_ext_listen(struct scheduler *scheduler) {
    if (scheduler->trace < 0)
        scheduler->trace = open_trace();
    if (scheduler->kernel_log < 0)
        scheduler->kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (scheduler->kernel_log >= 0)
        lseek(scheduler->kernel_log, 0, SEEK_END);
}

static void keep_line(struct scheduler *scheduler, const char *line) {
    struct str_list *lines = &scheduler->kernel_lines;
    if (lines->count == SCHEDULER_KERNEL_LINES)
        return;
    if (!lines->items)
        lines->items = calloc(SCHEDULER_KERNEL_LINES, sizeof *lines->items);
    char *copy = lines->items ? strdup(line) : NULL;
    if (copy)
        lines->items[lines->count++] = copy;
}

// Keeps the log lines of sched_ext. A record is "6,339,5140900,-;the text\n KEY=value\n"; the indented lines of a stack
// trace follow a line of sched_ext.
static void hear_log(struct scheduler *scheduler) {
    char record[8192]; // the kernel's maximum (CONSOLE_EXT_LOG_MAX)
    ssize_t got;
    bool ours = false;
    while ((got = read(scheduler->kernel_log, record, sizeof record - 1)) > 0 ||
           (got < 0 && (errno == EPIPE || errno == EINVAL))) {
        if (got < 0)
            continue; // overwritten before it was read, or longer than the buffer: skip it
        record[got] = 0;
        char *text = strchr(record, ';');
        if (!text)
            continue;
        text++;
        text[strcspn(text, "\n")] = 0;
        ours = strncmp(text, "sched_ext: ", 11) == 0 || (ours && text[0] == ' ');
        if (ours)
            keep_line(scheduler, text);
    }
}

void sched_ext_hear(struct scheduler *scheduler) {
    size_t room = channel_payload_limit(&scheduler->link->channel);
    uint8_t chunk[PROCESS_CHUNK];
    ssize_t got;
    if (scheduler->kernel_log >= 0)
        hear_log(scheduler);
    if (room > sizeof chunk)
        room = sizeof chunk;
    while (scheduler->trace >= 0 && (got = read(scheduler->trace, chunk, room)) > 0)
        event_scheduler_dump(&scheduler->link->channel, chunk, (uint32_t)got);
}

void sched_ext_forget(struct scheduler *scheduler) {
    for (uint32_t i = 0; i < scheduler->kernel_lines.count; i++)
        free((char *)scheduler->kernel_lines.items[i]);
    scheduler->kernel_lines.count = 0;
}
