// Runs processes with pipes and terminals on this machine in the same way as the agent (processes.h).
#include "check.h"
#include "processes.h"

#include <errno.h>

static const uint64_t second = 1000000000;

static void streams_and_status(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct setting settings[] = {{"GREETING", "hello"}};
    struct process_command command = shell("echo $GREETING; pwd >&2; cat; exit 3");
    command.environment = (struct setting_list){1, settings};
    command.directory = "/usr";
    CHECK(checks, run(&agent, &command) && await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK_TEXT(checks, (char *)heard.output[0], "hello\n");
    CHECK_TEXT(checks, (char *)heard.output[1], "/usr\n");
    CHECK(checks, heard.ended && heard.kind == PROCESS_EXITED && heard.value == 3 && heard.dropped == 0);
    forget(&agent, &heard);
}

static void signals_and_groups(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("sleep 60 & echo $!; kill -9 $$");
    CHECK(checks, run(&agent, &command) && await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.kind == PROCESS_SIGNALED && heard.value == 9);
    // The child that it left behind died with it.
    pid_t left = atoi((char *)heard.output[0]);
    for (int i = 0; i < 100 && kill(left, 0) == 0; i++) {
        char path[64], state = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", (int)left);
        FILE *stat = fopen(path, "re");
        if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z')
            i = 100;
        if (stat)
            fclose(stat);
        usleep(10000);
        CHECK(checks, i != 99);
    }
    CHECK(checks, !process_signal(&agent.processes, 7, 15, &failure) && failure.error == ESRCH);
    forget(&agent, &heard);
}

static void deadline(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct process_command command = shell("sleep 60 | cat");
    command.deadline_ns = second / 5;
    CHECK(checks, run(&agent, &command));
    CHECK(checks, !await(&agent, second / 50)); // it is still running
    CHECK(checks, await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.kind == PROCESS_TIMED_OUT && heard.value == 9);
    forget(&agent, &heard);
}

static void not_run(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    const char *words[] = {"/nowhere/program"};
    struct process_command command = shell("");
    command.argv = (struct str_list){1, words};
    CHECK(checks, run(&agent, &command) && await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.kind == PROCESS_NOT_RUN && heard.value == ENOENT);
    CHECK_TEXT(checks, heard.message, "No such file or directory: /nowhere/program");
    forget(&agent, &heard);
}

// A process that prints much more than its credit ends, and the dropped bytes are counted.
static void bounded(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct process_command command = shell("head -c 20000000 /dev/zero");
    command.credit = 100000;
    CHECK(checks, run(&agent, &command) && await(&agent, 30 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.length[0] == 100000 && heard.dropped == 20000000 - 100000);
    CHECK(checks, heard.kind == PROCESS_EXITED && heard.value == 0);
    forget(&agent, &heard);
}

// A paced process waits for credit and loses nothing.
static void paced(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("seq 1 100000");
    command.paced = true;
    command.credit = 1000;
    CHECK(checks, run(&agent, &command));
    CHECK(checks, !await(&agent, second / 5));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.length[0] == 1000 && !heard.ended);
    free(heard.output[0]);
    free(heard.output[1]);
    for (int i = 0; i < 1000 && !await(&agent, second / 1000); i++)
        CHECK(checks, process_credit(&agent.processes, 7, 10000, &failure) || failure.error == ESRCH);
    heard = hear(&agent, 7);
    CHECK(checks, heard.length[0] == 588895 && heard.ended && heard.dropped == 0);
    CHECK(checks, strstr((char *)heard.output[0], "\n99999\n100000\n") != NULL);
    forget(&agent, &heard);
}

static void input(struct checks *checks) {
    enum { BYTES = 300000 };
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("wc -c");
    command.input = true;
    uint8_t *bytes = calloc(1, BYTES);
    CHECK(checks, run(&agent, &command));
    CHECK(checks, process_input(&agent.processes, 7, bytes, BYTES, &failure) &&
                      process_input(&agent.processes, 7, NULL, 0, &failure));
    CHECK(checks, !process_input(&agent.processes, 7, bytes, 1, &failure) && failure.error == EPIPE);
    CHECK(checks, await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK_TEXT(checks, (char *)heard.output[0], "300000\n");
    CHECK(checks, heard.taken == BYTES);
    free(bytes);
    forget(&agent, &heard);
}

// Input that a process has not read counts as taken once it can no longer be read.
static void input_refused(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("exec <&-; sleep 0.3");
    command.input = true;
    uint8_t *bytes = calloc(1, 200000);
    CHECK(checks, run(&agent, &command) && process_input(&agent.processes, 7, bytes, 200000, &failure));
    CHECK(checks, await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.taken == 200000 && heard.value == 0);
    free(bytes);
    forget(&agent, &heard);
}

static void terminal(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("trap 'stty size; exit 4' WINCH; stty size; tty -s && echo tty >&2; read x; "
                                           "echo got $x; read x || echo eof; while :; do sleep 0.1; done");
    command.has_terminal = true;
    command.rows = 33;
    command.columns = 101;
    CHECK(checks, run(&agent, &command));
    CHECK(checks, process_input(&agent.processes, 7, (const uint8_t *)"word\n", 5, &failure));
    CHECK(checks, !await(&agent, second / 2));
    CHECK(checks, process_input(&agent.processes, 7, NULL, 0, &failure));
    CHECK(checks, !await(&agent, second / 2));
    CHECK(checks, process_resize(&agent.processes, 7, 40, 80, &failure));
    CHECK(checks, await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    const char *text = (char *)heard.output[0];
    CHECK(checks, strstr(text, "33 101\r\n") && strstr(text, "tty\r\n") && strstr(text, "got word\r\n"));
    CHECK(checks, strstr(text, "eof\r\n") && strstr(text, "40 80\r\n"));
    CHECK(checks, heard.length[1] == 0 && heard.kind == PROCESS_EXITED && heard.value == 4);
    forget(&agent, &heard);
}

// The terminal itself sends Ctrl-C to its foreground group.
static void interrupt(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("sleep 60");
    command.has_terminal = true;
    CHECK(checks, run(&agent, &command) && !await(&agent, second / 2));
    CHECK(checks, process_input(&agent.processes, 7, (const uint8_t *)"\x03", 1, &failure));
    CHECK(checks, await(&agent, 10 * second));
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.kind == PROCESS_SIGNALED && heard.value == SIGINT);
    forget(&agent, &heard);
}

// The last bytes of a terminal are not lost if its user exits at once.
static void last_words(struct checks *checks) {
    for (int round = 0; round < 30; round++) {
        struct agent agent;
        begin(&agent);
        struct process_command command = shell("seq 1 3000; printf end");
        command.has_terminal = true;
        CHECK(checks, run(&agent, &command) && await(&agent, 10 * second));
        struct heard heard = hear(&agent, 7);
        CHECK(checks, heard.length[0] > 3 && strcmp((char *)heard.output[0] + heard.length[0] - 3, "end") == 0);
        forget(&agent, &heard);
    }
}

static bool stop(struct agent *agent, uint32_t signal, uint64_t grace_ns) {
    struct failure failure = {0};
    uint32_t ids[] = {7};
    struct process_stop_command command = {.ids = {1, ids}, .signal = signal, .grace_ns = grace_ns};
    bool good = process_stop(&agent->processes, &command, &failure);
    if (!good)
        fprintf(stderr, "  %s\n", failure.message);
    return good;
}

// Waits until the shell has set its trap, so that it catches or ignores SIGTERM.
static bool await_trap(struct agent *agent) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)agent->processes.first->pid);
    for (uint64_t limit = now_ns() + 10 * second; now_ns() < limit; link_wait(&agent->link, now_ns() + second / 1000)) {
        char line[128];
        FILE *status = fopen(path, "re");
        unsigned long long of_kind, trapped = 0;
        while (status && fgets(line, sizeof line, status))
            if (sscanf(line, "SigIgn: %llx", &of_kind) == 1 || sscanf(line, "SigCgt: %llx", &of_kind) == 1)
                trapped |= of_kind;
        if (status)
            fclose(status);
        if (trapped >> (SIGTERM - 1) & 1)
            return true;
    }
    return false;
}

static void stopped(struct checks *checks) {
    static const struct {
        const char *script;
        uint32_t signal;
        uint64_t grace_ns;
        uint8_t kind;
        int32_t value;
        bool stopped;
    } cases[] = {
        {"exit 4", 0, 10000000000, PROCESS_EXITED, 4, false},
        {"sleep 60", 0, 100000000, PROCESS_TIMED_OUT, SIGKILL, false},
        {"sleep 60", SIGTERM, 10000000000, PROCESS_SIGNALED, SIGTERM, true},
        // The exit status of a process that handles the request to end is reported.
        {"trap 'exit 6' TERM; sleep 60 & wait", SIGTERM, 10000000000, PROCESS_EXITED, 6, true},
        {"trap '' TERM; echo deaf; sleep 60; sleep 60", SIGTERM, 200000000, PROCESS_SIGNALED, SIGKILL, true},
        {"sleep 60", SIGKILL, 0, PROCESS_SIGNALED, SIGKILL, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct agent agent;
        begin(&agent);
        struct process_command command = shell(cases[i].script);
        CHECK(checks, run(&agent, &command));
        if (strncmp(cases[i].script, "trap ", 5) == 0)
            CHECK(checks, await_trap(&agent));
        CHECK(checks, stop(&agent, cases[i].signal, cases[i].grace_ns));
        struct heard heard = hear(&agent, 7);
        CHECK(checks, heard.ended && heard.kind == cases[i].kind && heard.value == cases[i].value);
        CHECK(checks, heard.stopped == cases[i].stopped);
        // Stopping a process that has ended does nothing.
        CHECK(checks, stop(&agent, SIGTERM, 0));
        forget(&agent, &heard);
    }
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    uint32_t ids[] = {8};
    struct process_stop_command unknown = {.ids = {1, ids}};
    CHECK(checks, !process_stop(&agent.processes, &unknown, &failure) && failure.error == ENOENT);
    unknown = (struct process_stop_command){.signal = 1000};
    CHECK(checks, !process_stop(&agent.processes, &unknown, &failure) && failure.error == EINVAL);
    close(agent.link.channel.serial);
}

static void refused(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    struct process_command command = shell("sleep 60"), nothing = shell("");
    nothing.argv.count = 0;
    CHECK(checks, run(&agent, &command));
    CHECK(checks, !process_run(&agent.processes, &command, &failure) && failure.error == EEXIST);
    CHECK(checks, !process_run(&agent.processes, &nothing, &failure) && failure.error == EINVAL);
    CHECK(checks, !process_wait(&agent.processes, 8, 0, &failure) && failure.error == ENOENT);
    CHECK(checks, !process_resize(&agent.processes, 7, 1, 1, &failure) && failure.error == ENOTTY);
    process_stop_all(&agent.processes);
    struct heard heard = hear(&agent, 7);
    CHECK(checks, heard.ended && heard.kind == PROCESS_SIGNALED && heard.value == 9);
    // Its id is free again.
    command = shell("exit 0");
    CHECK(checks, run(&agent, &command) && await(&agent, 10 * second));
    forget(&agent, &heard);
}

static void no_leak(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    int before = dup(0), after;
    close(before);
    for (int i = 0; i < 20; i++) {
        struct process_command command = shell("cat");
        command.has_terminal = i % 2;
        command.input = true;
        struct failure failure;
        CHECK(checks, run(&agent, &command) && process_input(&agent.processes, 7, NULL, 0, &failure));
        CHECK(checks, await(&agent, 10 * second));
    }
    after = dup(0);
    close(after);
    CHECK(checks, before == after);
    struct heard heard = hear(&agent, 7);
    forget(&agent, &heard);
}

int main(void) {
    struct checks checks = {0};
    streams_and_status(&checks);
    signals_and_groups(&checks);
    stopped(&checks);
    deadline(&checks);
    not_run(&checks);
    bounded(&checks);
    paced(&checks);
    input(&checks);
    input_refused(&checks);
    terminal(&checks);
    interrupt(&checks);
    last_words(&checks);
    refused(&checks);
    no_leak(&checks);
    return check_end(&checks, "processes");
}
