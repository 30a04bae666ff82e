// What the agent does for processes while it waits: output, input, deadlines, ends.
#include "base/clock.h"
#include "process.h"
#include "wire/event.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

// A process whose output is dropped is read at most once per this many nanoseconds, which slows down the process
// instead of the guest.
static const uint64_t rest_ns = 1000000;
// The kernel hangs up the terminal of a dead process. If another process holds it open, the agent stops waiting after
// this many nanoseconds.
static const uint64_t hangup_patience_ns = 1000000000;

static void close_end(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void process_kill_rest(const struct process_table *table, pid_t pid) {
    for (struct process *process = table->first; process; process = process->next)
        if (process->pid == pid && !process->dead)
            kill(-pid, SIGKILL); // the zombie still reserves the process id
}

static const char *refusal(const struct process *process, const struct process_refusal *why, struct failure *text) {
    static const char *const places[] = {"its working directory", NULL, "its terminal",
                                         "the time of the kernel's watchdog can't be set"};
    const char *place = places[why->stage] ? places[why->stage] : process->program;
    fail_errno(text, why->error, "%s", place);
    return text->message;
}

static void tell_end(struct process_table *table, struct process *process) {
    struct process_refusal why;
    struct failure text = {0};
    struct process_exit end = {.id = process->id,
                               .kind = PROCESS_EXITED,
                               .value = WEXITSTATUS(process->wait_status),
                               .duration_ns = process->ended_ns - process->begun_ns,
                               .dropped = process->dropped,
                               .stopped = process->stopped,
                               .message = ""};
    if (read(process->report, &why, sizeof why) == sizeof why) {
        end.kind = PROCESS_NOT_RUN;
        end.value = why.error;
        end.message = refusal(process, &why, &text);
    } else if (WIFSIGNALED(process->wait_status)) {
        end.kind = process->timed_out ? PROCESS_TIMED_OUT : PROCESS_SIGNALED;
        end.value = WTERMSIG(process->wait_status);
    }
    close_end(&process->report);
    close_end(&process->input);
    buffer_free(&process->pending);
    process->told = true;
    if (process->owner)
        process->owner->ended(process->owner->part, &end);
    else
        event_process_exit(&table->link->channel, &end);
}

void process_reaped(struct process_table *table, pid_t pid, int wait_status) {
    for (struct process *process = table->first; process; process = process->next)
        if (process->pid == pid && !process->dead) {
            process->dead = true;
            process->ended_ns = now_ns();
            process->wait_status = wait_status;
        }
}

static void send_output(struct process_table *table, struct process *process, int stream, const uint8_t *bytes,
                        size_t length) {
    if (process->owner) {
        process->owner->output(process->owner->part, bytes, length);
        // Only a little of endless output is kept, so the process is slowed down instead of the guest.
        if (length == PROCESS_CHUNK)
            process->rest_until_ns = now_ns() + rest_ns;
        return;
    }
    size_t wanted = length < process->credit ? length : (size_t)process->credit;
    process->credit -= wanted;
    process->dropped += length - wanted;
    if (wanted)
        event_process_output(&table->link->channel, process->id, stream + 1, bytes, (uint32_t)wanted);
    if (wanted < length)
        process->rest_until_ns = now_ns() + rest_ns;
}

static bool may_read(const struct process *process, int stream, uint64_t now) {
    return process->output[stream] >= 0 && (!process->paced || process->credit > 0) && now >= process->rest_until_ns;
}

static void read_output(struct process_table *table, struct process *process, int stream, uint64_t now) {
    uint8_t chunk[PROCESS_CHUNK];
    size_t room = channel_payload_limit(&table->link->channel);
    if (!may_read(process, stream, now))
        return;
    if (room > sizeof chunk)
        room = sizeof chunk;
    if (process->paced && room > process->credit)
        room = (size_t)process->credit;
    ssize_t got = read(process->output[stream], chunk, room);
    if (got > 0) {
        send_output(table, process, stream, chunk, (size_t)got);
        return;
    }
    // A terminal whose last user is gone returns EIO after everything written to it has been read.
    bool at_end = got == 0 || (errno != EAGAIN && errno != EINTR);
    // A pipe holds all that its writer wrote before it died. Other processes that had the pipe open were in the same
    // group and are dead too.
    if (process->dead && got < 0 && errno == EAGAIN)
        at_end = !process->terminal || now > process->ended_ns + hangup_patience_ns;
    if (at_end)
        close_end(&process->output[stream]);
}

static void write_input(struct process_table *table, struct process *process) {
    size_t left = process->pending.length - process->pending_at;
    if (process->input < 0)
        return;
    if (left) {
        ssize_t took = write(process->input, process->pending.data + process->pending_at, left);
        bool refused = took < 0 && errno != EAGAIN && errno != EINTR;
        if (refused)
            close_end(&process->input); // no process reads it any more
        if (took <= 0 && !refused)
            return;
        // Input that will never be read counts as taken, so that the host does not wait.
        size_t taken = refused ? left : (uint64_t)took;
        process->pending_at += taken;
        left -= taken;
        event_process_taken(&table->link->channel, process->id, taken);
    }
    if (left == 0) {
        process->pending.length = process->pending_at = 0;
        if (process->input_ends)
            close_end(&process->input);
    }
}

void process_turn(struct process_table *table) {
    uint64_t now = table->first ? now_ns() : 0;
    for (struct process *process = table->first; process; process = process->next) {
        if (process->told)
            continue;
        if (process->deadline_ns && now >= process->deadline_ns && !process->dead && !process->timed_out) {
            process->timed_out = true;
            process_kill(process, SIGKILL);
        }
        write_input(table, process);
        for (int stream = 0; stream < 2; stream++)
            read_output(table, process, stream, now);
        if (process->dead && process->output[0] < 0 && process->output[1] < 0)
            tell_end(table, process);
    }
}

static void earlier(uint64_t *until, uint64_t ns) {
    if (ns < *until)
        *until = ns;
}

size_t process_poll(const struct process_table *table, struct pollfd *fds, uint64_t *until_ns) {
    size_t count = 0;
    uint64_t now = table->first ? now_ns() : 0;
    for (struct process *process = table->first; process; process = process->next) {
        if (process->told)
            continue;
        if (process->deadline_ns && !process->timed_out)
            earlier(until_ns, process->deadline_ns);
        if (process->dead && process->terminal)
            earlier(until_ns, process->ended_ns + hangup_patience_ns + 1);
        if (process->input >= 0 && process->pending.length > process->pending_at)
            fds[count++] = (struct pollfd){.fd = process->input, .events = POLLOUT};
        for (int stream = 0; stream < 2; stream++)
            if (may_read(process, stream, now))
                fds[count++] = (struct pollfd){.fd = process->output[stream], .events = POLLIN};
            else if (process->output[stream] >= 0 && now < process->rest_until_ns)
                earlier(until_ns, process->rest_until_ns);
    }
    return count;
}
