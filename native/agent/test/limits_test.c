// Tests that the agent reports it when it reaches a limit, and neither fails nor truncates anything silently.
#include "check.h"

#include "base/clock.h"
#include "session/agent.h"
#include "session/execute.h"
#include "session/out_of_memory.h"
#include "session/session.h"
#include "wire/event.h"
#include "wire/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

static void begin(struct agent *agent) {
    agent_init(agent);
    agent->link.deadline_ns = 60 * second;
    agent->link.scratch = "/tmp";
    agent->link.channel.serial = memfd_create("channel", MFD_CLOEXEC);
    sigemptyset(&agent->blocked);
    sigaddset(&agent->blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &agent->blocked, NULL);
}

static void drop(struct agent *agent) {
    close(agent->link.channel.serial);
    buffer_free(&agent->link.channel.out);
    free(agent->step_label);
}

// A spawn of `count` workers whose body is one spin.
struct spawn {
    struct buffer bytes;
    struct worker_spec *workers;
    struct spawn_command command;
};

static struct spawn new_spawn(uint32_t count) {
    struct spawn spawn = {.workers = calloc(count, sizeof *spawn.workers)};
    put_u8(&spawn.bytes, 1);
    put_u32(&spawn.bytes, 0);
    put_u32(&spawn.bytes, 1);
    put_u8(&spawn.bytes, OP_SPIN);
    put_u64(&spawn.bytes, 1024);
    put_u32(&spawn.bytes, 0);
    for (uint32_t i = 0; i < count; i++)
        spawn.workers[i].index = i;
    spawn.command = (struct spawn_command){.group = 1,
                                           .cgroup = "",
                                           .label = "spin",
                                           .group_size = 1,
                                           .program = spawn.bytes.data,
                                           .program_length = (uint32_t)spawn.bytes.length,
                                           .count = count,
                                           .workers = spawn.workers};
    return spawn;
}

static void free_spawn(struct spawn *spawn) {
    buffer_free(&spawn->bytes);
    free(spawn->workers);
}

// Runs code in a child with its own limits; the value is its exit status.
#define IN_CHILD(statement)                                                                                            \
    ({                                                                                                                 \
        int wait_status = 0;                                                                                           \
        pid_t child = fork();                                                                                          \
        if (child == 0) {                                                                                              \
            statement;                                                                                                 \
            _exit(0);                                                                                                  \
        }                                                                                                              \
        waitpid(child, &wait_status, 0);                                                                               \
        WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);                               \
    })

static void limit(int which, rlim_t most) {
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    if (setrlimit(which, &limit) < 0)
        _exit(77);
}

static bool spawn_fails(uint32_t count, int error, const char *words) {
    struct agent agent;
    begin(&agent);
    struct spawn spawn = new_spawn(count);
    struct failure failure = {0};
    bool failed = !group_spawn(&agent.groups, &spawn.command, &failure) && !agent.groups.first;
    bool as_expected = failed && failure.error == error && strstr(failure.message, words);
    if (!as_expected)
        fprintf(stderr, "  spawn: %d, error %d: %s\n", failed, failure.error, failure.message);
    free_spawn(&spawn);
    drop(&agent);
    return as_expected;
}

static bool process_fails(int error, const char *words) {
    struct agent agent;
    begin(&agent);
    const char *argv[] = {"true"};
    struct process_command command = {.id = 3, .cgroup = "", .directory = "", .argv = {1, argv}};
    struct failure failure = {0};
    bool failed = !process_run(&agent.processes, &command, &failure) && !agent.processes.first;
    bool as_expected = failed && failure.error == error && strstr(failure.message, words);
    if (!as_expected)
        fprintf(stderr, "  process: %d, error %d: %s\n", failed, failure.error, failure.message);
    drop(&agent);
    return as_expected;
}

static int next_file(void) {
    int file = dup(0);
    close(file);
    return file;
}

static void exhausted_resources(struct checks *checks) {
    // One descriptor is the channel, one the worker's page; none is left for its pipe.
    CHECK(checks,
          IN_CHILD(limit(RLIMIT_NOFILE, (rlim_t)next_file() + 2); _exit(!spawn_fails(2, EMFILE, "worker 0"))) == 0);
    CHECK(checks,
          IN_CHILD(limit(RLIMIT_NOFILE, (rlim_t)next_file() + 3); _exit(!process_fails(EMFILE, "process 3"))) == 0);
    // Not as root, which has no limit on the number of processes.
    if (getuid() == 0) {
        CHECK(checks, IN_CHILD(limit(RLIMIT_NPROC, 1); if (setuid(65534)) _exit(78);
                               _exit(!spawn_fails(2, EAGAIN, "fork of worker 0"))) == 0);
        CHECK(checks, IN_CHILD(limit(RLIMIT_NPROC, 1); if (setuid(65534)) _exit(78);
                               _exit(!process_fails(EAGAIN, "fork of process 3"))) == 0);
    }
    CHECK(checks, spawn_fails(40000, EAGAIN, "40000 workers are more than 32768"));
}

#ifndef __SANITIZE_ADDRESS__ // the sanitizer's own memory exceeds any limit
// Stores the message of the ERROR among the frames. Returns whether DONE came after it.
static bool reported(struct agent *agent, char *message, size_t size) {
    uint8_t bytes[65536];
    ssize_t got = pread(agent->link.channel.serial, bytes, sizeof bytes, 0);
    char error[256];
    bool done = false;
    struct frame frame;
    message[0] = 0;
    for (size_t at = 0, seq = 0; got > 0 && at < (size_t)got; at += frame.size, seq++) {
        if (frame_parse(bytes + at, (size_t)got - at, at, (uint32_t)seq, &frame, error, sizeof error) != FRAME_OK)
            return false;
        struct arena arena = {0};
        struct cursor cursor = cursor_of(frame.payload, frame.length, &arena);
        done = frame.type == EVENT_DONE;
        if (frame.type == EVENT_ERROR) {
            get_u64(&cursor);
            get_u64(&cursor);
            get_i32(&cursor);
            get_str(&cursor);
            snprintf(message, size, "%s", get_str(&cursor));
        }
        arena_free(&arena);
    }
    return done;
}

static void without_memory(struct agent *agent, bool forked) {
    limit(RLIMIT_AS, 64 << 20);
    out_of_memory_tell(&agent->link.channel);
    struct arena arena = {0};
    if (forked)
        _exit(IN_CHILD(arena_alloc(&arena, 1 << 20, 1 << 10)));
    arena_alloc(&arena, 1 << 20, 1 << 10);
}

static void no_memory(struct checks *checks) {
    char message[256];
    struct agent agent;
    begin(&agent);
    CHECK(checks, IN_CHILD(without_memory(&agent, false)) == 1);
    CHECK(checks, reported(&agent, message, sizeof message));
    CHECK_TEXT(checks, message,
               "Cannot allocate memory: 1073741840 bytes; give the guest more memory, or the plan fewer workers");
    // A worker must not write to the agent's channel.
    CHECK(checks, ftruncate(agent.link.channel.serial, 0) == 0 && lseek(agent.link.channel.serial, 0, SEEK_SET) == 0);
    CHECK(checks, IN_CHILD(without_memory(&agent, true)) == 1);
    CHECK(checks, lseek(agent.link.channel.serial, 0, SEEK_END) == 0);
    drop(&agent);
}
#else
static void no_memory(struct checks *checks) { (void)checks; }
#endif

// A worker that fills its file byte by byte needs an hour to become ready.
static struct spawn new_slow_spawn(void) {
    struct spawn spawn = new_spawn(1);
    spawn.bytes.length = 0;
    put_u8(&spawn.bytes, 1);
    put_u32(&spawn.bytes, 0);
    put_u32(&spawn.bytes, 1);
    put_u8(&spawn.bytes, OP_FILE_READ);
    put_u64(&spawn.bytes, 1);
    put_u32(&spawn.bytes, 1);
    put_u64(&spawn.bytes, 1 << 30);
    put_u8(&spawn.bytes, 0);
    put_u32(&spawn.bytes, 0);
    spawn.command.program = spawn.bytes.data;
    spawn.command.program_length = (uint32_t)spawn.bytes.length;
    return spawn;
}

// When the run is over, the wait for a worker must end too, because the loop outranks every worker.
static void spawn_past_the_deadline(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct spawn spawn = new_slow_spawn();
    struct failure failure = {0};
    agent.link.deadline_ns = 50000000;
    uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(checks, !group_spawn(&agent.groups, &spawn.command, &failure));
    CHECK_TEXT(checks, failure.message, "Connection timed out: the guest's deadline of 50 ms has passed");
    CHECK(checks, failure.waited_ns == agent.link.deadline_ns);
    CHECK(checks, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu < second);
    CHECK(checks, agent.groups.first == NULL);
    free_spawn(&spawn);
    drop(&agent);
}

// The host judges a timeout by how much of the wait it withheld. The wait ended before the worker was killed; other
// failures have no timeout.
static void timeouts_say_so(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct spawn spawn = new_slow_spawn();
    struct failure failure = {0};
    uint64_t begun = now_ns();
    CHECK(checks, !group_spawn(&agent.groups, &spawn.command, &failure));
    CHECK(checks, strstr(failure.message, "workers were never ready: 0 of 1 after 5 s; worker 0 ") != NULL);
    CHECK(checks, failure.waited_ns == 5 * second);
    CHECK(checks, failure.gave_up_ns >= begun + failure.waited_ns && failure.gave_up_ns <= now_ns());
    spawn.command.group_size = 0;
    CHECK(checks, !group_spawn(&agent.groups, &spawn.command, &failure) && failure.waited_ns == 0);
    CHECK(checks, !group_kill_worker(&agent.groups, 4, 0, 0, &failure) && failure.waited_ns == 0);
    free_spawn(&spawn);
    drop(&agent);
}

static void put_command(struct buffer *plan, uint16_t type, uint32_t seq, const struct buffer *payload) {
    size_t start = frame_begin(plan, type, seq);
    put_raw(plan, payload->data, payload->length);
    frame_end(plan, start);
}

// A loop without pauses whose body takes no time.
static void loop_without_pause(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct buffer plan = {0}, times = {0}, mark = {0}, none = {0};
    put_u64(&times, 200000000);
    put_u64(&times, 0);
    put_str(&mark, "kind");
    put_str(&mark, "");
    put_command(&plan, COMMAND_LOOP_BEGIN, 0, &times);
    put_command(&plan, COMMAND_MARK, 1, &mark);
    put_command(&plan, COMMAND_LOOP_END, 2, &none);
    int file = memfd_create("plan", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK(checks, write(file, plan.data, plan.length) == (ssize_t)plan.length);
    uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(checks, plan_run(&agent, path));
    CHECK(checks, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu < 150000000);
    // One event per millisecond, and the progress events of the pauses.
    CHECK(checks, agent.link.channel.seq > 1 && agent.link.channel.seq < 1000);
    close(file);
    buffer_free(&plan);
    buffer_free(&times);
    buffer_free(&mark);
    drop(&agent);
}

// On a host the plan may contain typing errors while the agent runs as root.
static void host_refuses(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct failure failure = {0};
    char root[] = "/tmp/ktstr-limits-XXXXXX", inside[64], file[96], pid[16];
    CHECK(checks, mkdtemp(root) != NULL);
    snprintf(agent.cgroups.root, sizeof agent.cgroups.root, "%s", root);
    snprintf(inside, sizeof inside, "%s/a", root);
    snprintf(file, sizeof file, "%s/cgroup.procs", inside);
    snprintf(pid, sizeof pid, "%d", (int)getppid());
    mkdir(inside, 0755);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    agent.link.host = true;
    // A process that does not belong to the run would be killed with the run's cgroups.
    CHECK(checks, !cgroup_write(&agent.cgroups, "a", "cgroup.procs", pid, &failure) && failure.error == EPERM);
    CHECK(checks, !cgroup_write(&agent.cgroups, "a", "cgroup.threads", "0", &failure) && failure.error == EPERM);
    agent.link.host = false;
    CHECK(checks, cgroup_write(&agent.cgroups, "a", "cgroup.procs", pid, &failure));
    static const char *const outside[] = {"..", "a/..", "../b", "/a", "a//b", "./a", "a/../../b", "a/"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        struct str_list none = {0};
        CHECK(checks, !cgroup_create(&agent.cgroups, outside[i], &none, &failure) && failure.error == EINVAL);
        CHECK(checks, !cgroup_remove(&agent.cgroups, outside[i], &failure) && failure.error == EINVAL);
        CHECK(checks, !cgroup_write(&agent.cgroups, outside[i], "x", "1", &failure) && failure.error == EINVAL);
        CHECK(checks, !cgroup_move(&agent.cgroups, outside[i], 1, &failure) && failure.error == EINVAL);
    }
    CHECK(checks, !cgroup_write(&agent.cgroups, "a", "../x", "1", &failure) && failure.error == EINVAL);
    static const char *const lists[] = {
        "cpu -memory", "", "cpu\n", "a name that is longer than that of any controller is, so that it would be cut"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *names[] = {lists[i]};
        struct str_list one = {1, names};
        CHECK(checks, !cgroup_create(&agent.cgroups, "b", &one, &failure) && failure.error == EINVAL);
        CHECK(checks, strstr(failure.message, lists[i]) != NULL);
    }
    unlink(file);
    rmdir(inside);
    CHECK(checks, rmdir(root) == 0);
    drop(&agent);
}

// Signals are only sent to living workers and processes of the run.
static void signals(struct checks *checks) {
    struct agent agent;
    begin(&agent);
    struct worker dead = {.pid = 1, .dead = true};
    struct group group = {.id = 4, .count = 1, .workers = &dead};
    struct failure failure = {0};
    agent.groups.first = &group;
    CHECK(checks, !group_kill_worker(&agent.groups, 4, 0, 0, &failure) && failure.error == ESRCH);
    CHECK(checks, !group_kill_worker(&agent.groups, 4, 1, 0, &failure) && failure.error == ENOENT);
    CHECK(checks, !process_signal(&agent.processes, 9, 0, &failure) && failure.error == ENOENT);
    agent.groups.first = NULL;
    drop(&agent);
}

static void long_texts(struct checks *checks) {
    char label[3001], small[16];
    struct failure failure = {0};
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = 0;
    // The text is cut between characters, and visibly so.
    text_print(small, sizeof small, "%s", "abcdefghijklmno");
    CHECK_TEXT(checks, small, "abcdefghijklmno");
    text_print(small, sizeof small, "%s", "abcdefghijklmnop");
    CHECK_TEXT(checks, small, "abcdefghijkl…");
    text_print(small, sizeof small, "%s", "abcdefghijkäääää");
    CHECK_TEXT(checks, small, "abcdefghijk…");
    fail_errno(&failure, ENOENT, "%s", label);
    CHECK(checks, strcmp(failure.message + strlen(failure.message) - 3, "…") == 0);
    struct command write = {.type = COMMAND_CGROUP_WRITE, .cgroup_write = {.path = label, .file = "f", .value = ""}};
    execute_name(&write, &failure);
    CHECK(checks, strcmp(failure.where + strlen(failure.where) - 3, "…") == 0);
    // A label is reported in full, at the begin and at the end of the step.
    struct agent agent;
    begin(&agent);
    struct command begin = {.type = COMMAND_STEP_BEGIN, .step = {.index = 0, .count = 1, .label = label}};
    struct command end = {.type = COMMAND_STEP_END, .step = {.index = 0}};
    struct command nowhere = {.type = COMMAND_STEP_END, .step = {.index = UINT32_MAX}};
    CHECK(checks, !execute(&agent, &nowhere, &failure));
    CHECK(checks, execute(&agent, &begin, &failure) && execute(&agent, &end, &failure));
    CHECK(checks, lseek(agent.link.channel.serial, 0, SEEK_END) > 2 * 3000);
    CHECK(checks, !execute(&agent, &nowhere, &failure));
    drop(&agent);
}

// Each command uses its own union member, because the position of the process id depends on the command.
static void names_of_commands(struct checks *checks) {
    struct failure failure = {0};
    struct command commands[] = {{.type = COMMAND_PROC_INPUT, .process_input = {.id = 7}},
                                 {.type = COMMAND_PROC_RESIZE, .process_resize = {.id = 7}},
                                 {.type = COMMAND_PROC_WAIT, .process_wait = {.id = 7}},
                                 {.type = COMMAND_PROC_KILL, .process_kill = {.id = 7}},
                                 {.type = COMMAND_PROC_CREDIT, .process_credit = {.id = 7}}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%s process 7", command_name((uint16_t)commands[i].type));
        execute_name(&commands[i], &failure);
        CHECK_TEXT(checks, failure.where, expected);
    }
}

int main(void) {
    struct checks checks = {0};
    exhausted_resources(&checks);
    no_memory(&checks);
    spawn_past_the_deadline(&checks);
    timeouts_say_so(&checks);
    loop_without_pause(&checks);
    host_refuses(&checks);
    signals(&checks);
    long_texts(&checks);
    names_of_commands(&checks);
    return check_end(&checks, "limits");
}
