#include "end.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "timeout.h"
#include "wire/event.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const uint64_t look_ns = 100000000;             // interval of the checks of a running scheduler
static const uint64_t attach_look_ns = 1000000;        // interval of the checks while a scheduler attaches
static const uint64_t settle_patience_ns = 2000000000; // until both the kernel and the process have ended the scheduler
static const uint64_t command_patience_ns = 10000000000; // for the commands of a builtin scheduler

static struct str_list copy_strings(const struct str_list *from) {
    struct str_list list = {.count = from->count, .items = calloc(from->count + 1, sizeof *from->items)};
    for (uint32_t i = 0; list.items && i < from->count; i++)
        if (!(list.items[i] = strdup(from->items[i])))
            return (struct str_list){0}; // out of memory: the agent is about to end
    return list;
}

bool scheduler_config(struct scheduler *scheduler, const struct scheduler_command *command, struct failure *failure) {
    // The scheduler of a host must not be replaced.
    if (scheduler->link->host)
        return fail_text(failure, "scheduler %s: on a host only the scheduler that runs there can be used",
                         command->name);
    if (scheduler->name)
        return fail_errno(failure, EALREADY, "scheduler %s", scheduler->name);
    if (command->start.count == 0)
        return fail_errno(failure, EINVAL, "scheduler %s has no program", command->name);
    struct str_list start = copy_strings(&command->start), stop = copy_strings(&command->stop);
    char *name = strdup(command->name);
    if (!name || !start.items || !stop.items)
        return fail_errno(failure, ENOMEM, "scheduler %s", command->name);
    scheduler->name = name;
    scheduler->builtin = command->builtin;
    scheduler->start = start;
    scheduler->stop = stop;
    scheduler->start_timeout_ns = command->start_timeout_ns;
    scheduler->watchdog_ns = command->watchdog_ns;
    scheduler->timeout_ms = command->timeout_ms;
    return true;
}

static void take_output(void *part, const uint8_t *bytes, size_t length) { scheduler_log_add(part, bytes, length); }

static void take_end(void *part, const struct process_exit *end) {
    static const enum scheduler_exit kinds[] = {[PROCESS_EXITED] = EXIT_STATUS,
                                                [PROCESS_SIGNALED] = EXIT_SIGNAL,
                                                [PROCESS_TIMED_OUT] = EXIT_KILLED,
                                                [PROCESS_NOT_RUN] = EXIT_NOT_RUN};
    struct scheduler *scheduler = part;
    scheduler->process_ended = true;
    scheduler->ended_ns = now_ns();
    scheduler->exit_kind = scheduler->killed ? EXIT_KILLED : kinds[end->kind];
    scheduler->exit_value = end->value;
    text_print(scheduler->refusal, sizeof scheduler->refusal, "%s", end->message);
}

static bool set_timeout(const struct process_command *command) {
    return !command->timeout_ms || scheduler_timeout_set(command->timeout_ms);
}

void scheduler_init(struct scheduler *scheduler, struct link *link, struct process_table *processes,
                    const struct group_table *groups) {
    *scheduler = (struct scheduler){
        .link = link,
        .processes = processes,
        .groups = groups,
        .owner = {.prepare = set_timeout, .output = take_output, .ended = take_end, .part = scheduler},
        .kernel_log = -1,
        .trace = -1};
}

static bool run(struct scheduler *scheduler, const struct str_list *argv, uint64_t deadline_ns,
                struct failure *failure) {
    struct process_command command = {.id = SCHEDULER_PROCESS,
                                      .cgroup = "",
                                      .argv = *argv,
                                      .directory = "",
                                      .deadline_ns = deadline_ns,
                                      .owner = &scheduler->owner,
                                      .timeout_ms = scheduler->timeout_ms};
    scheduler->process_ended = scheduler->killed = false;
    scheduler->exit_kind = EXIT_ALIVE;
    scheduler->exit_value = 0;
    scheduler->refusal[0] = 0;
    return process_run(scheduler->processes, &command, failure);
}

static bool fail_as(const struct scheduler *scheduler, struct failure *failure) {
    *failure = scheduler->failure;
    return false;
}

static bool never_attached(struct scheduler *scheduler, struct failure *failure) {
    scheduler->cause = CAUSE_NOT_BEGUN;
    scheduler->phase = PHASE_STOPPING;
    // The way the scheduler ends on request does not tell why it did not attach.
    uint64_t waited = now_ns() - scheduler->begun_ns;
    if (!scheduler->process_ended) {
        scheduler->late_ns = waited < scheduler->start_timeout_ns ? waited : scheduler->start_timeout_ns;
        scheduler_end_process(scheduler, 1, 1000000000);
    }
    scheduler_conclude(scheduler, true);
    return fail_as(scheduler, failure);
}

static void attached(struct scheduler *scheduler) {
    char ops[128] = "";
    textfile_read("/sys/kernel/sched_ext/root/ops", ops, sizeof ops);
    uint64_t now = now_ns();
    event_scheduler_started(&scheduler->link->channel, now, now - scheduler->begun_ns, ops,
                            (uint64_t)textfile_number("/sys/kernel/sched_ext/enable_seq", 0),
                            (uint64_t)textfile_number("/sys/kernel/sched_ext/nr_rejected", 0));
    scheduler->phase = PHASE_RUNNING;
    scheduler->attached = sched_ext_is("enabled");
    scheduler->next_look_ns = now + look_ns;
}

static bool has_attached(const struct scheduler *scheduler) {
    if (scheduler->builtin)
        return scheduler->process_ended && scheduler->exit_kind == EXIT_STATUS && scheduler->exit_value == 0;
    return !scheduler->process_ended && sched_ext_is("enabled") &&
           (uint64_t)textfile_number("/sys/kernel/sched_ext/enable_seq", 0) != scheduler->seq_before;
}

bool scheduler_start(struct scheduler *scheduler, struct failure *failure) {
    struct utsname names;
    if (!scheduler->name)
        return fail_errno(failure, EINVAL, "no SCHED_CONFIG was received");
    if (scheduler->phase != PHASE_OFF)
        return fail_errno(failure, EALREADY, "scheduler %s runs", scheduler->name);
    failure->where[0] = 0;
    uname(&names);
    if (!scheduler->builtin && !sched_ext_present())
        return fail_text(failure,
                         "scheduler %s can't attach: kernel %s has no sched_ext (CONFIG_SCHED_CLASS_EXT); choose "
                         "another with --kernel, see: ktstr kernel list",
                         scheduler->name, names.release);
    sched_ext_listen(scheduler);
    sched_ext_forget(scheduler);
    scheduler->attached = false;
    scheduler->late_ns = 0;
    // Without enable_seq this is -1, which differs from the 0 that has_attached then reads.
    scheduler->seq_before = (uint64_t)textfile_number("/sys/kernel/sched_ext/enable_seq", -1);
    scheduler->begun_ns = now_ns();
    if (!run(scheduler, &scheduler->start, scheduler->builtin ? command_patience_ns : 0, failure))
        return false;
    scheduler->phase = PHASE_STARTING;
    while (!has_attached(scheduler)) {
        bool late = now_ns() - scheduler->begun_ns > scheduler->start_timeout_ns;
        if (scheduler->process_ended || late || link_nap(scheduler->link, attach_look_ns) >= WAIT_DEADLINE)
            return never_attached(scheduler, failure);
    }
    attached(scheduler);
    return true;
}

static bool stop_builtin(struct scheduler *scheduler, struct failure *failure) {
    bool good = true;
    if (scheduler->stop.count) {
        good = run(scheduler, &scheduler->stop, command_patience_ns, failure);
        while (good && !scheduler->process_ended)
            link_nap(scheduler->link, attach_look_ns);
        if (good && (scheduler->exit_kind != EXIT_STATUS || scheduler->exit_value != 0)) {
            char text[192];
            scheduler_ending(scheduler, text, sizeof text);
            good = fail_text(failure, "scheduler %s: the commands that switch it off: the shell %s", scheduler->name,
                             text);
            if (scheduler->exit_kind == EXIT_KILLED)
                fail_late(failure, command_patience_ns);
        }
    }
    scheduler_conclude(scheduler, false);
    return good;
}

// A scheduler that handles no signals normally ends by the agent's own signal.
static bool ended_well(const struct scheduler *scheduler) {
    return scheduler->exit_kind == EXIT_STATUS ||
           (scheduler->exit_kind == EXIT_SIGNAL &&
            (scheduler->exit_value == SIGINT || scheduler->exit_value == SIGTERM));
}

bool scheduler_stop(struct scheduler *scheduler, struct failure *failure) {
    // A scheduler that is ending by itself is first followed to its end.
    while (scheduler->phase == PHASE_ENDING)
        link_nap(scheduler->link, 2000000);
    if (scheduler->phase == PHASE_OFF)
        return !scheduler->failed || fail_as(scheduler, failure);
    failure->where[0] = 0;
    scheduler->phase = PHASE_STOPPING;
    scheduler->cause = CAUSE_STOPPED;
    if (scheduler->builtin)
        return stop_builtin(scheduler, failure);
    scheduler_end_process(scheduler, 0, settle_patience_ns / 2);
    bool good = ended_well(scheduler);
    scheduler_conclude(scheduler, !good);
    return good || fail_as(scheduler, failure);
}

void scheduler_finish(struct scheduler *scheduler) {
    bool late = link_is_late(scheduler->link);
    if (scheduler->phase == PHASE_OFF)
        return;
    if (late && !scheduler->builtin) {
        // After the deadline there is little time: skip the polite signals, so that the log can still be sent.
        sched_ext_dump();
        scheduler->phase = PHASE_STOPPING;
        scheduler->cause = CAUSE_STOPPED;
        scheduler_end_process(scheduler, 2, 100000000);
        scheduler_conclude(scheduler, false);
        return;
    }
    struct failure ignored = {0};
    scheduler_stop(scheduler, &ignored);
}

static void begin_ending(struct scheduler *scheduler, enum scheduler_cause cause, uint64_t now) {
    scheduler->phase = PHASE_ENDING;
    scheduler->cause = cause;
    scheduler_note_place(scheduler);
    scheduler->ladder = 1;
    scheduler->next_look_ns = now;
    scheduler->give_up_ns = now + settle_patience_ns;
}

static void look(struct scheduler *scheduler, uint64_t now) {
    scheduler->next_look_ns = now + look_ns;
    // The kernel disables the scheduler at once; the process needs a moment to notice, to print the reason and to exit.
    if (scheduler->attached && !sched_ext_is("enabled"))
        begin_ending(scheduler, CAUSE_DISABLED, now);
    else if (scheduler_watchdog(scheduler, scheduler->stuck, sizeof scheduler->stuck)) {
        sched_ext_dump();
        sched_ext_hear(scheduler);
        begin_ending(scheduler, CAUSE_STALLED, now);
        sched_ext_reset();
    }
}

static void look_at_ending(struct scheduler *scheduler, uint64_t now) {
    scheduler->next_look_ns = now + look_ns / 10;
    // The cause is CAUSE_DIED only if the process ended by itself in time, not if the agent had to end it.
    if (scheduler->process_ended && !scheduler->builtin && scheduler->ladder == 1 && scheduler->cause == CAUSE_DISABLED)
        scheduler->cause = CAUSE_DIED;
    if (scheduler_is_over(scheduler) || scheduler->ladder > 4) {
        scheduler_conclude(scheduler, true);
        return;
    }
    if (now < scheduler->give_up_ns)
        return;
    scheduler_push(scheduler);
    scheduler->give_up_ns = now + settle_patience_ns / 4;
}

void scheduler_turn(struct scheduler *scheduler) {
    uint64_t now;
    if (scheduler->phase != PHASE_RUNNING && scheduler->phase != PHASE_ENDING)
        return;
    now = now_ns();
    if (scheduler->phase == PHASE_RUNNING && scheduler->process_ended && !scheduler->builtin)
        begin_ending(scheduler, CAUSE_DIED, now);
    if (now < scheduler->next_look_ns)
        return;
    if (scheduler->phase == PHASE_RUNNING)
        look(scheduler, now);
    else
        look_at_ending(scheduler, now);
}

void scheduler_poll(const struct scheduler *scheduler, uint64_t *until_ns) {
    if ((scheduler->phase == PHASE_RUNNING || scheduler->phase == PHASE_ENDING) && scheduler->next_look_ns < *until_ns)
        *until_ns = scheduler->next_look_ns;
}
