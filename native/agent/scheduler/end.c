// The end of a scheduler: how it is described, and the steps taken to reach it.
#include "end.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "session/agent.h"
#include "wire/event.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum wait_result scheduler_nap(struct agent *agent, uint64_t ns) {
    enum wait_result result = link_wait(&agent->link, now_ns() + ns);
    if (result >= WAIT_DEADLINE) { // link_wait no longer waits
        struct timespec pause = timespec_of(ns);
        nanosleep(&pause, NULL);
    }
    return result;
}

static void signal_process(struct agent *agent, int signal) {
    struct failure gone;
    process_signal(&agent->processes, SCHEDULER_PROCESS, (uint32_t)signal, &gone);
}

void scheduler_ending(const struct scheduler *scheduler, char *text, size_t size) {
    switch (scheduler->exit_kind) {
    case EXIT_STATUS:
        snprintf(text, size, "exited with status %d", (int)scheduler->exit_value);
        return;
    case EXIT_SIGNAL:
        snprintf(text, size, "died of signal %d (%s)", (int)scheduler->exit_value, strsignal(scheduler->exit_value));
        return;
    case EXIT_KILLED:
        snprintf(text, size, "had to be killed");
        return;
    case EXIT_NOT_RUN:
        snprintf(text, size, "could not be run: %s", scheduler->refusal);
        return;
    case EXIT_ALIVE:
        break;
    }
    snprintf(text, size, "still runs");
}

void scheduler_note_place(struct agent *agent) {
    char *text = agent->scheduler.where;
    const size_t size = sizeof agent->scheduler.where;
    double into = agent->link.first_step_ns ? (double)(now_ns() - agent->link.first_step_ns) / 1e9 : 0;
    if (agent->link.step_count == 0)
        snprintf(text, size, "before the first step");
    else if (agent->link.steps_done == 0)
        snprintf(text, size, "during step 1 of %u (%.1fs into test)", agent->link.step_count, into);
    else
        snprintf(text, size, "after completing step %u of %u (%.1fs into test)", agent->link.steps_done,
                 agent->link.step_count, into);
}

static void describe(struct agent *agent) {
    struct scheduler *scheduler = &agent->scheduler;
    char end[192];
    const char *where = scheduler->where;
    scheduler_ending(scheduler, end, sizeof end);
    switch (scheduler->cause) {
    case CAUSE_STOPPED:
        fail_text(&scheduler->failure, "scheduler %s %s while it was stopped", scheduler->name, end);
        break;
    case CAUSE_NOT_BEGUN:
        if (scheduler->exit_kind == EXIT_NOT_RUN)
            fail_text(&scheduler->failure, "scheduler %s %s", scheduler->name, end);
        else if (scheduler->late_ns)
            fail_text(&scheduler->failure, "scheduler %s did not attach within %.0fs of its start; it was ended",
                      scheduler->name, (double)scheduler->late_ns / 1e9);
        else
            fail_text(&scheduler->failure, "scheduler %s %s before it attached (%.1fs after its start)",
                      scheduler->name, end, (double)(scheduler->ended_ns - scheduler->begun_ns) / 1e9);
        break;
    case CAUSE_DIED:
        if (scheduler->exit_kind == EXIT_STATUS && scheduler->exit_value == 0)
            fail_text(&scheduler->failure, "scheduler process exited by itself %s", where);
        else
            fail_text(&scheduler->failure, "scheduler process died unexpectedly %s", where);
        break;
    case CAUSE_DISABLED:
        fail_text(&scheduler->failure, "the kernel disabled the scheduler %s; its process %s", where, end);
        break;
    case CAUSE_STALLED:
        fail_text(&scheduler->failure, "scheduler stalled %s: %s", where, scheduler->stuck);
        break;
    }
}

void scheduler_conclude(struct agent *agent, bool failed) {
    struct scheduler *scheduler = &agent->scheduler;
    char state[32] = "";
    sched_ext_hear(agent);
    textfile_read("/sys/kernel/sched_ext/state", state, sizeof state);
    describe(agent);
    struct scheduler_end end = {
        .time_ns = now_ns(),
        .cause = (uint8_t)scheduler->cause,
        .kind = (uint8_t)scheduler->exit_kind,
        .value = scheduler->exit_value,
        .duration_ns = (scheduler->process_ended ? scheduler->ended_ns : now_ns()) - scheduler->begun_ns,
        .dropped = scheduler_log_end(agent),
        .rejected = (uint64_t)textfile_number("/sys/kernel/sched_ext/nr_rejected", 0),
        .state = state,
        .kernel_log = &scheduler->kernel_lines,
        .message = failed ? scheduler->failure.message : "",
    };
    event_scheduler_ended(&agent->link.channel, &end);
    scheduler->phase = PHASE_OFF;
    if (failed && !scheduler->failed) {
        scheduler->failed = true;
        scheduler->failure.where[0] = 0; // the message is complete without it
    }
}

void scheduler_push(struct agent *agent) {
    struct scheduler *scheduler = &agent->scheduler;
    switch (scheduler->ladder++) {
    case 0:
        signal_process(agent, SIGINT);
        break;
    case 1:
        signal_process(agent, SIGTERM);
        break;
    case 2:
        // A stalled scheduler can't even die; the reset takes its CPUs from it.
        sched_ext_reset();
        break;
    case 3:
        scheduler->killed = true;
        signal_process(agent, SIGKILL);
        break;
    default:
        break;
    }
}

bool scheduler_is_over(const struct scheduler *scheduler) {
    return scheduler->process_ended && (!sched_ext_present() || sched_ext_is("disabled"));
}

void scheduler_end_process(struct agent *agent, int from, uint64_t patience_ns) {
    struct scheduler *scheduler = &agent->scheduler;
    for (scheduler->ladder = from; scheduler->ladder < 4 && !scheduler_is_over(scheduler);) {
        scheduler_push(agent);
        uint64_t limit = now_ns() + patience_ns;
        while (!scheduler_is_over(scheduler) && now_ns() < limit)
            scheduler_nap(agent, 2000000);
    }
}
