#include "process.h"

#include "base/clock.h"
#include "sys/cgroup.h"
#include "wire/event.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// Pairs of file descriptors between agent and child: the agent's end, the child's end.
enum { AGENT, CHILD };
struct ends {
    int input[2], output[2][2], report[2], placed[2];
};

static void close_end(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_side(struct ends *ends, int side) {
    close_end(&ends->input[side]);
    close_end(&ends->output[0][side]);
    close_end(&ends->output[1][side]);
    close_end(&ends->report[side]);
    close_end(&ends->placed[side]);
}

static bool make_pipe(int ends[2], bool to_child) {
    int pipe[2];
    if (pipe2(pipe, O_CLOEXEC) < 0)
        return false;
    ends[AGENT] = pipe[to_child];
    ends[CHILD] = pipe[!to_child];
    return true;
}

static struct winsize size_of(uint32_t rows, uint32_t columns) {
    return (struct winsize){.ws_row = rows < UINT16_MAX ? (uint16_t)rows : UINT16_MAX,
                            .ws_col = columns < UINT16_MAX ? (uint16_t)columns : UINT16_MAX};
}

static bool make_terminal(struct ends *ends, const struct process_command *command) {
    int locked = 0;
    struct winsize size = size_of(command->rows, command->columns);
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        return false;
    ends->output[0][AGENT] = master;
    if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
        return false;
    // TIOCGPTPEER needs no path, so it does not matter where devpts is mounted.
    ends->output[0][CHILD] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends->output[0][CHILD] < 0)
        return false;
    ends->input[AGENT] = fcntl(master, F_DUPFD_CLOEXEC, 3);
    ends->input[CHILD] = fcntl(ends->output[0][CHILD], F_DUPFD_CLOEXEC, 3);
    ends->output[1][CHILD] = fcntl(ends->output[0][CHILD], F_DUPFD_CLOEXEC, 3);
    return ends->input[AGENT] >= 0 && ends->input[CHILD] >= 0 && ends->output[1][CHILD] >= 0;
}

static bool make_ends(struct ends *ends, const struct process_command *command) {
    *ends = (struct ends){{-1, -1}, {{-1, -1}, {-1, -1}}, {-1, -1}, {-1, -1}};
    bool good = make_pipe(ends->report, false) && make_pipe(ends->placed, true);
    if (command->has_terminal)
        good = good && make_terminal(ends, command);
    else
        good = good && (!command->input || make_pipe(ends->input, true)) && make_pipe(ends->output[0], false) &&
               make_pipe(ends->output[1], false);
    int mine[] = {ends->input[AGENT], ends->output[0][AGENT], ends->output[1][AGENT], ends->report[AGENT]};
    for (size_t i = 0; good && i < sizeof mine / sizeof *mine; i++)
        good = mine[i] < 0 || fcntl(mine[i], F_SETFL, O_NONBLOCK) == 0;
    return good;
}

static struct process *find(const struct process_table *table, uint32_t id) {
    for (struct process *process = table->first; process; process = process->next)
        if (process->id == id)
            return process;
    return NULL;
}

static struct process *living(const struct process_table *table, uint32_t id, struct failure *failure) {
    struct process *process = find(table, id);
    if (!process)
        fail_errno(failure, ENOENT, "process %u", id);
    else if (process->told) {
        fail_errno(failure, ESRCH, "process %u has ended", id);
        process = NULL;
    }
    return process;
}

static void forget(struct process_table *table, struct process *process) {
    for (struct process **link = &table->first; *link; link = &(*link)->next)
        if (*link == process) {
            *link = process->next;
            break;
        }
    buffer_free(&process->pending);
    free(process->program);
    free(process);
}

static bool check(struct process_table *table, const struct process_command *command, struct failure *failure) {
    struct process *before = find(table, command->id);
    size_t alive = 0;
    if (command->argv.count == 0)
        return fail_errno(failure, EINVAL, "process %u has no program", command->id);
    if (before && !before->told)
        return fail_errno(failure, EEXIST, "process %u has not ended", command->id);
    for (struct process *process = table->first; process; process = process->next)
        alive += !process->told;
    if (alive >= PROCESS_LIMIT)
        return fail_errno(failure, EAGAIN, "%d processes are already running", PROCESS_LIMIT);
    if (before)
        forget(table, before);
    return true;
}

void process_kill(const struct process *process, int signal) {
    // Before the process has created its session it is still in the agent's process group.
    if (kill(-process->pid, signal) < 0)
        kill(process->pid, signal);
}

bool process_run(struct process_table *table, const struct process_command *command, struct failure *failure) {
    struct ends ends;
    if (!check(table, command, failure))
        return false;
    struct process *process = calloc(1, sizeof *process);
    char *program = strdup(command->argv.items[0]);
    bool good = process && program && make_ends(&ends, command);
    if (!good) {
        int error = errno;
        if (process && program) {
            close_side(&ends, AGENT);
            close_side(&ends, CHILD);
        }
        free(process);
        free(program);
        return fail_errno(failure, error, "streams of process %u", command->id);
    }
    uint64_t now = now_ns();
    pid_t pid = fork();
    if (pid == 0) {
        int files[3] = {ends.input[CHILD], ends.output[0][CHILD], ends.output[1][CHILD]};
        close(ends.placed[AGENT]);
        process_child(command, files, ends.placed[CHILD], ends.report[CHILD]);
    }
    int error = errno;
    close_side(&ends, CHILD);
    if (pid < 0)
        good = fail_errno(failure, error, "fork of process %u", command->id);
    else
        good =
            (!command->cgroup[0] && !table->link->host) || cgroup_move(table->cgroups, command->cgroup, pid, failure);
    if (good && write(ends.placed[AGENT], "", 1) != 1)
        good = fail_errno(failure, errno, "release of process %u", command->id);
    close_end(&ends.placed[AGENT]);
    if (!good) {
        // Without the byte the child exits by itself and is reaped like an orphan.
        close_side(&ends, AGENT);
        free(process);
        free(program);
        return false;
    }
    *process = (struct process){.next = table->first,
                                .id = command->id,
                                .program = program,
                                .pid = pid,
                                .terminal = command->has_terminal,
                                .owner = command->owner,
                                .paced = command->paced,
                                .input = ends.input[AGENT],
                                .output = {ends.output[0][AGENT], ends.output[1][AGENT]},
                                .report = ends.report[AGENT],
                                .credit = command->credit,
                                .begun_ns = now,
                                .deadline_ns = command->deadline_ns ? now + command->deadline_ns : 0};
    table->first = process;
    return true;
}

bool process_input(struct process_table *table, uint32_t id, const uint8_t *bytes, uint32_t length,
                   struct failure *failure) {
    static const uint8_t end_of_file = 0x04; // VEOF, the end of file for a terminal
    struct process *process = living(table, id, failure);
    if (!process)
        return false;
    if (process->input < 0 || process->input_ends)
        return fail_errno(failure, EPIPE, "process %u takes no input", id);
    if (length)
        put_raw(&process->pending, bytes, length);
    else if (process->terminal)
        put_raw(&process->pending, &end_of_file, sizeof end_of_file);
    else
        process->input_ends = true;
    return true;
}

bool process_resize(struct process_table *table, uint32_t id, uint32_t rows, uint32_t columns,
                    struct failure *failure) {
    struct process *process = living(table, id, failure);
    struct winsize size = size_of(rows, columns);
    if (!process)
        return false;
    if (!process->terminal || process->output[0] < 0)
        return fail_errno(failure, ENOTTY, "process %u", id);
    // The kernel notifies the terminal's foreground group with SIGWINCH.
    return ioctl(process->output[0], TIOCSWINSZ, &size) == 0 ||
           fail_errno(failure, errno, "%ux%u for process %u", rows, columns, id);
}

bool process_signal(struct process_table *table, uint32_t id, uint32_t signal, struct failure *failure) {
    struct process *process = living(table, id, failure);
    if (!process)
        return false;
    if (signal > (uint32_t)SIGRTMAX)
        return fail_errno(failure, EINVAL, "signal %u", signal);
    if (!process->dead)
        process_kill(process, (int)signal);
    return true;
}

bool process_credit(struct process_table *table, uint32_t id, uint64_t bytes, struct failure *failure) {
    struct process *process = living(table, id, failure);
    if (!process)
        return false;
    process->credit = process->credit + bytes < bytes ? UINT64_MAX : process->credit + bytes;
    return true;
}

bool process_wait(struct process_table *table, uint32_t id, uint64_t timeout_ns, struct failure *failure) {
    struct process *process = find(table, id);
    if (!process)
        return fail_errno(failure, ENOENT, "process %u", id);
    enum wait_result why = link_wait_for(table->link, &process->told, now_ns() + timeout_ns);
    switch (why) {
    case WAIT_LOST:
    case WAIT_DEADLINE:
    case WAIT_SIGNALED:
        return link_ended(table->link, why, failure);
    case WAIT_TIME:
        return fail_errno(failure, ETIMEDOUT, "process %u (%s) has not ended after %llu ms", id, process->program,
                          (unsigned long long)(timeout_ns / 1000000));
    case WAIT_DONE:
    case WAIT_COMMAND:
        break;
    }
    return true;
}

// Waits for all processes. Returns false if the host is lost, the deadline has passed or a signal asks the agent to
// end.
static bool wait_all(struct process_table *table, const struct u32_list *ids, uint64_t until_ns,
                     struct failure *failure) {
    for (uint32_t i = 0; i < ids->count; i++) {
        enum wait_result why = link_wait_for(table->link, &find(table, ids->items[i])->told, until_ns);
        if (why == WAIT_LOST || why == WAIT_DEADLINE || why == WAIT_SIGNALED)
            return link_ended(table->link, why, failure);
    }
    return true;
}

static const uint64_t kill_patience_ns = 5000000000;

bool process_stop(struct process_table *table, const struct process_stop_command *command, struct failure *failure) {
    const struct u32_list *ids = &command->ids;
    if (command->signal > (uint32_t)SIGRTMAX)
        return fail_errno(failure, EINVAL, "signal %u", command->signal);
    for (uint32_t i = 0; i < ids->count; i++)
        if (!find(table, ids->items[i]))
            return fail_errno(failure, ENOENT, "process %u", ids->items[i]);
    for (uint32_t i = 0; command->signal && i < ids->count; i++) {
        struct process *process = find(table, ids->items[i]);
        if (process->dead || process->told)
            continue;
        process->stopped = true;
        process_kill(process, (int)command->signal);
    }
    if (!wait_all(table, ids, now_ns() + command->grace_ns, failure))
        return false;
    for (uint32_t i = 0; i < ids->count; i++) {
        struct process *process = find(table, ids->items[i]);
        if (process->dead || process->told)
            continue;
        process->timed_out = !command->signal;
        process_kill(process, SIGKILL);
    }
    if (!wait_all(table, ids, now_ns() + kill_patience_ns, failure))
        return false;
    for (uint32_t i = 0; i < ids->count; i++)
        if (!find(table, ids->items[i])->told) {
            fail_errno(failure, ETIMEDOUT, "process %u survived SIGKILL", ids->items[i]);
            return fail_late(failure, kill_patience_ns);
        }
    return true;
}

void process_stop_all(struct process_table *table) {
    for (struct process *process = table->first; process; process = process->next)
        if (!process->told) {
            // The host no longer grants credit, so the rest of the output is counted as dropped.
            process->paced = false;
            if (!process->dead) {
                process->stopped = true;
                process_kill(process, SIGKILL);
            }
        }
    uint64_t limit = now_ns() + 1000000000;
    for (struct process *process = table->first; process; process = process->next)
        while (!process->told && now_ns() < limit)
            link_nap(table->link, 1000000);
}

void process_forget_all(struct process_table *table) {
    while (table->first)
        forget(table, table->first);
}
