// The agent's side of core/test/vectors/protocol.txt: decodes and dumps every command, encodes every event, decodes
// every program, and rejects every malformed input with the expected message.
#include "check.h"
#include "command_dump.h"

#include "group/report.h"
#include "session/agent.h"
#include "sys/topology.h"
#include "wire/event.h"
#include "wire/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

// Events: each builder sends the sample in core/test/guest/samples.ts.
static void send_ready_event(struct agent *agent) {
    uint32_t near[] = {10, 20}, far[] = {20, 10};
    struct topology_cpu cpus[] = {{.cpu = 0, .thread_siblings = "0-1", .llc_shared = "0-1"},
                                  {.cpu = 1, .thread_siblings = "0-1", .llc_shared = "0-1"}};
    struct topology_node nodes[] = {
        {.node = 0, .cpulist = "0-1", .mem_total_kb = 1000000, .distance_count = 2, .distances = near},
        {.node = 1, .cpulist = "", .mem_total_kb = 5, .distance_count = 2, .distances = far}};
    struct topology topology = {.cpu_count = 2, .node_count = 2, .cpus = cpus, .nodes = nodes};
    uint8_t header[8192];
    ring_format(&agent->link.channel.ring, header, sizeof header);
    event_ready(&agent->link.channel, 1234567890123, "7.3.4+deb13-amd64", "#1 SMP", &topology,
                "mount bpf on /sys/fs/bpf: No such device; ");
}

static void send_counters_event(struct agent *agent) {
    struct telemetry *busy = calloc(1, sizeof *busy), *idle = calloc(1, sizeof *idle);
    busy->iterations = 10;
    busy->work_units = 10240;
    struct worker workers[] = {{.page = busy}, {.page = idle}};
    struct group group = {.id = 7, .count = 2, .workers = workers};
    agent->groups.first = &group;
    group_send_counters(&agent->groups, 45);
    agent->groups.first = NULL;
    free(busy);
    free(idle);
}

static void send_report_event(struct agent *agent) {
    struct telemetry *page = calloc(1, sizeof *page);
    *page = (struct telemetry){.iterations = 10,
                               .work_units = 10240,
                               .max_gap_ns = 300,
                               .max_gap_at_ns = 5150,
                               .max_gap_cpu = 64,
                               .wake_seen = 3,
                               .wake_kept = 0,
                               .migration_count = 2,
                               .start_ns = 5000,
                               .end_ns = 6000,
                               .cpu_start_ns = 100,
                               .cpu_end_ns = 1000,
                               .sched_start = {100, 10, 1},
                               .sched_end = {900, 60, 5},
                               .migrated_start = 4,
                               .migrated_end = 10,
                               .numa_pages = {12, 0, 1},
                               .cpus_used = {1, 1, [63] = 1ull << 63},
                               .migrations = {{0, 64, 5100}, {64, 4095, 5200}}};
    char cgroup[] = "a/b", label[] = "PipeIo";
    struct worker worker = {.pid = 77,
                            .index = 1,
                            .role = 1,
                            .page = page,
                            .dead = true,
                            .wait_status = 9,
                            .allowed = {{3}},
                            .nice = -5,
                            .policy = 3};
    struct group group = {.id = 7, .cgroup = cgroup, .label = label, .count = 2, .workers = &worker};
    // The latencies sent before it are the LATENCIES vector; only their number matters here.
    page->wake_kept = 3;
    report_send_numbers(&agent->link.channel, &group, &worker);
    free(page);
}

static void send_scheduler_end(struct agent *agent) {
    const char *lines[] = {"sched_ext: BPF scheduler \"mine\" disabled (runtime error)", "sched_ext: mine: bad"};
    struct str_list kernel_log = {2, lines};
    struct scheduler_end end = {
        .time_ns = 49,
        .cause = CAUSE_DIED,
        .kind = EXIT_SIGNAL,
        .value = -11,
        .duration_ns = 12300000000,
        .dropped = 99999999,
        .rejected = 3,
        .state = "disabled",
        .kernel_log = &kernel_log,
        .message = "scheduler process died unexpectedly after completing step 2 of 5 (12.3s into test)"};
    event_scheduler_ended(&agent->link.channel, &end);
}

static bool send_event(struct agent *agent, const char *name) {
    struct channel *channel = &agent->link.channel;
    struct symbol text = {"_text", 0xffffffff81000000};
    uint64_t latencies[] = {1, 2000000000, 3};
    struct failure missing = {.error = 2, .where = "CGROUP_WRITE x/cgroup.procs"};
    if (strcmp(name, "Ready") == 0)
        send_ready_event(agent);
    else if (strcmp(name, "Symbols") == 0)
        event_symbols(channel, &text, 1, 0x1000000);
    else if (strcmp(name, "Log") == 0)
        event_log(channel, LOG_LEVEL_WARNING, "worker %d died of signal %d", 1, 9);
    else if (strcmp(name, "Stimulus") == 0)
        event_stimulus(channel, 42, UINT32_MAX, "op", "SetCpuset cg_0", 99000);
    else if (strcmp(name, "Step") == 0)
        event_step(channel, 43, 1, 5, true, "warm up");
    else if (strcmp(name, "Error") == 0) {
        fail_errno(&missing, 2, "/sys/fs/cgroup/%s/cgroup.procs", "x");
        missing.waited_ns = 30;
        missing.gave_up_ns = 44;
        event_error(channel, 99, &missing);
    } else if (strcmp(name, "Counters") == 0)
        send_counters_event(agent);
    else if (strcmp(name, "Latencies") == 0)
        event_latencies(channel, 7, 1, latencies, 3);
    else if (strcmp(name, "Report") == 0)
        send_report_event(agent);
    else if (strcmp(name, "Reply") == 0) {
        fail_errno(&missing, 2, "group %u", 9);
        event_reply(channel, 45, 12, false, &missing);
    } else if (strcmp(name, "Done") == 0)
        event_done(channel, 46, true, 4);
    else if (strcmp(name, "Progress") == 0)
        event_progress(channel, 47, 250000000, 2000000000);
    else if (strcmp(name, "CgroupFile") == 0)
        event_cgroup_file(channel, "a/b", "cpu.stat", "usage_usec 17\nuser_usec 5\n");
    else if (strcmp(name, "Schedstat") == 0)
        event_schedstat(channel, "version 17\ncpu0 0 0 12\n");
    else if (strcmp(name, "Trace") == 0)
        event_trace(channel, (const uint8_t *)"# t\n", 4);
    else if (strcmp(name, "Online") == 0)
        event_online(channel, 50, (struct online_change[]){{3, false}, {3, true}}, 2, "0-3", "2-3");
    else if (strcmp(name, "SchedStarted") == 0)
        event_scheduler_started(channel, 48, 345000000, "mine", 1, 0);
    else if (strcmp(name, "SchedEnded") == 0)
        send_scheduler_end(agent);
    else if (strcmp(name, "SchedOutput") == 0)
        event_scheduler_output(channel, true, (const uint8_t *)"h\n\xff", 3);
    else if (strcmp(name, "SchedDump") == 0)
        event_scheduler_dump(channel, (const uint8_t *)" \n", 2);
    else if (strcmp(name, "ProcOutput") == 0)
        event_process_output(channel, 1, 2, (const uint8_t *)"hi\0\xff", 4);
    else if (strcmp(name, "ProcExit") == 0)
        event_process_exit(channel, &(struct process_exit){.id = 1,
                                                           .kind = PROCESS_NOT_RUN,
                                                           .value = 2,
                                                           .duration_ns = 1000000,
                                                           .dropped = 17,
                                                           .stopped = true,
                                                           .message = "No such file or directory: nonesuch"});
    else if (strcmp(name, "ProcTaken") == 0)
        event_process_taken(channel, 1, 4096);
    else
        return false;
    return true;
}

static void check_event(struct checks *checks, const char *name, const char *hex) {
    int line[2];
    uint8_t bytes[4096];
    if (pipe2(line, O_NONBLOCK) < 0)
        exit(2);
    struct agent agent;
    agent_init(&agent);
    agent.link.channel.serial = line[1];
    CHECK(checks, send_event(&agent, name));
    ssize_t got = read(line[0], bytes, sizeof bytes);
    struct text text = {0};
    say(&text, "%s", "");
    for (ssize_t i = 0; i < got; i++)
        say(&text, "%02x", bytes[i]);
    if (!CHECK_TEXT(checks, text.data, hex))
        fprintf(stderr, "  event %s\n", name);
    buffer_free(&agent.link.channel.out);
    free(text.data);
    close(line[0]);
    close(line[1]);
}

static void check_command(struct checks *checks, const uint8_t *bytes, size_t length, const char *expected, bool bad) {
    struct frame frame;
    struct arena arena = {0};
    struct command command;
    struct text text = {0};
    char error[512] = "";
    if (CHECK(checks, frame_parse(bytes, length, 0, 0, &frame, error, sizeof error) == FRAME_OK)) {
        bool good = command_decode(&frame, &arena, &command, error, sizeof error);
        CHECK(checks, good == !bad);
        if (good)
            dump(&text, &command);
        CHECK_TEXT(checks, good ? text.data : error, expected);
    }
    // A truncated payload is rejected wherever it is cut.
    for (uint32_t cut = 0; !bad && cut < frame.length; cut++) {
        struct frame shorter = frame;
        shorter.length = cut;
        CHECK(checks, !command_decode(&shorter, &arena, &command, error, sizeof error));
    }
    arena_free(&arena);
    free(text.data);
}

static void check_stream(struct checks *checks, const uint8_t *bytes, size_t length, const char *expected) {
    struct frame frame;
    char error[512] = "accepted";
    size_t at = 0;
    enum frame_result result;
    for (uint32_t seq = 0;; seq++) {
        result = frame_parse(bytes + at, length - at, at, seq, &frame, error, sizeof error);
        if (result != FRAME_OK)
            break;
        at += frame.size;
    }
    if (result == FRAME_INCOMPLETE && at < length)
        snprintf(error, sizeof error, "Frame at offset %zu: the stream ends %zu bytes into it", at, length - at);
    CHECK_TEXT(checks, error, expected);
}

static void check_program(struct checks *checks, const uint8_t *bytes, size_t length, const char *expected, bool bad) {
    for (uint32_t role = 0; role < 3; role++) {
        struct arena arena = {0};
        struct program program;
        char error[160] = "accepted";
        bool good = program_decode(bytes, length, role, &arena, &program, error, sizeof error);
        CHECK(checks, good == !bad);
        if (bad)
            CHECK_TEXT(checks, error, expected);
        for (uint32_t i = 0; good && i < program.length; i++) {
            CHECK(checks, program.code[i].op > 0 && program.code[i].op < OP_COUNT && program.code[i].op != OP_ROLES);
            CHECK(checks, program.code[i].target < program.length);
        }
        arena_free(&arena);
    }
    struct arena arena = {0};
    struct program program;
    char error[160];
    for (size_t cut = 0; !bad && cut < length; cut++)
        CHECK(checks, !program_decode(bytes, cut, 0, &arena, &program, error, sizeof error));
    arena_free(&arena);
}

static size_t from_hex(const char *hex, uint8_t *bytes) {
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        unsigned value;
        sscanf(hex + 2 * i, "%2x", &value);
        bytes[i] = (uint8_t)value;
    }
    return length;
}

int main(int argc, char **argv) {
    struct checks checks = {0};
    FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;
    char *line = NULL;
    size_t capacity = 0;
    if (!file) {
        fprintf(stderr, "usage: vectors_test protocol.txt\n");
        return 2;
    }
    while (getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#')
            continue;
        char *rest = line, *kind = strsep(&rest, "\t"), *name = strsep(&rest, "\t"), *hex = strsep(&rest, "\t");
        if (!CHECK(&checks, rest != NULL))
            continue;
        uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
        size_t length = from_hex(hex, bytes);
        unsigned failed = checks.failed;
        if (strcmp(kind, "command") == 0 || strcmp(kind, "bad-command") == 0)
            check_command(&checks, bytes, length, rest, kind[0] == 'b');
        else if (strcmp(kind, "event") == 0)
            check_event(&checks, name, hex);
        else if (strcmp(kind, "program") == 0 || strcmp(kind, "bad-program") == 0)
            check_program(&checks, bytes, length, rest, kind[0] == 'b');
        else if (strcmp(kind, "bad-stream") == 0)
            check_stream(&checks, bytes, length, rest);
        else
            CHECK(&checks, false);
        if (checks.failed > failed)
            fprintf(stderr, "  in %s %s\n", kind, name);
        free(bytes);
    }
    free(line);
    fclose(file);
    return check_end(&checks, "vectors");
}
