// Processes that run on this machine under an agent without a session, and what the agent reports about them.
#ifndef KTSTR_TEST_PROCESSES_H
#define KTSTR_TEST_PROCESSES_H

#include "base/clock.h"
#include "session/agent.h"
#include "wire/event.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// What the agent reported about one process.
struct heard {
    uint8_t *output[2];
    size_t length[2];
    uint64_t taken;
    bool ended;
    uint8_t kind;
    int32_t value;
    uint64_t dropped;
    bool stopped;
    char message[256];
};

static void on_child(int signal) { (void)signal; }

static void begin(struct agent *agent) {
    struct sigaction child = {.sa_handler = on_child}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGCHLD, &child, NULL); // as in main.c: an ignored SIGCHLD would not end a wait
    sigaction(SIGPIPE, &ignore, NULL);
    agent_init(agent);
    agent->link.deadline_ns = 60000000000;
    // A file accepts everything at once and can be read later.
    agent->link.channel.serial = memfd_create("channel", MFD_CLOEXEC);
    sigemptyset(&agent->blocked);
    sigaddset(&agent->blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &agent->blocked, NULL);
}

static struct heard hear(struct agent *agent, uint32_t id) {
    struct heard heard = {0};
    off_t size = lseek(agent->link.channel.serial, 0, SEEK_END);
    uint8_t *bytes = mmap(NULL, (size_t)size + 1, PROT_READ, MAP_SHARED, agent->link.channel.serial, 0);
    heard.output[0] = calloc(1, (size_t)size + 1);
    heard.output[1] = calloc(1, (size_t)size + 1);
    char error[256];
    struct frame frame;
    for (size_t at = 0, seq = 0; at < (size_t)size; at += frame.size, seq++) {
        if (frame_parse(bytes + at, (size_t)size - at, at, (uint32_t)seq, &frame, error, sizeof error) != FRAME_OK)
            exit(2);
        struct arena arena = {0};
        struct cursor cursor = cursor_of(frame.payload, frame.length, &arena);
        if (get_u32(&cursor) == id && frame.type == EVENT_PROC_OUTPUT) {
            uint8_t stream = get_u8(&cursor);
            uint32_t length;
            const uint8_t *part = get_bytes(&cursor, &length);
            memcpy(heard.output[stream - 1] + heard.length[stream - 1], part, length);
            heard.length[stream - 1] += length;
        } else if (frame.type == EVENT_PROC_TAKEN) {
            heard.taken += get_u64(&cursor);
        } else if (frame.type == EVENT_PROC_EXIT) {
            heard.ended = true;
            heard.kind = get_u8(&cursor);
            heard.value = get_i32(&cursor);
            get_u64(&cursor);
            heard.dropped = get_u64(&cursor);
            heard.stopped = get_bool(&cursor);
            snprintf(heard.message, sizeof heard.message, "%s", get_str(&cursor));
        }
        arena_free(&arena);
    }
    munmap(bytes, (size_t)size + 1);
    return heard;
}

static void forget(struct agent *agent, struct heard *heard) {
    process_stop_all(&agent->processes);
    process_forget_all(&agent->processes);
    free(heard->output[0]);
    free(heard->output[1]);
    buffer_free(&agent->link.channel.out);
    close(agent->link.channel.serial);
}

static struct process_command shell(const char *script) {
    static const char *words[3] = {"/bin/sh", "-c", NULL};
    words[2] = script;
    return (struct process_command){.id = 7, .cgroup = "", .argv = {3, words}, .directory = "", .credit = 1 << 20};
}

static bool run(struct agent *agent, const struct process_command *command) {
    struct failure failure = {0};
    bool good = process_run(&agent->processes, command, &failure);
    if (!good)
        fprintf(stderr, "  %s\n", failure.message);
    return good;
}

static bool await(struct agent *agent, uint64_t ns) {
    struct failure failure = {0};
    return process_wait(&agent->processes, 7, ns, &failure);
}

#endif
