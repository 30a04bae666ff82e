// The end of a scheduler: how it is described, and the steps taken to reach it.
#include "end.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "wire/event.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void signal_process(struct scheduler *scheduler, int signal) {
    struct failure gone;
    process_signal(scheduler->processes, SCHEDULER_PROCESS, (uint32_t)signal, &gone);
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

void scheduler_note_place(struct scheduler *scheduler) {
    const struct link *link = scheduler->link;
    char *text = scheduler->where;
    const size_t size = sizeof scheduler->where;
    double into = link->first_step_ns ? (double)(now_ns() - link->first_step_ns) / 1e9 : 0;
    if (link->step_count == 0)
        snprintf(text, size, "before the first step");
    else if (link->steps_done == 0)
        snprintf(text, size, "during step 1 of %u (%.1fs into test)", link->step_count, into);
    else
        snprintf(text, size, "after completing step %u of %u (%.1fs into test)", link->steps_done, link->step_count,
                 into);
}

static void describe(struct scheduler *scheduler) {
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

void scheduler_conclude(struct scheduler *scheduler, bool failed) {
    char state[32] = "";
    sched_ext_hear(scheduler);
    textfile_read("/sys/kernel/sched_ext/state", state, sizeof state);
    describe(scheduler);
    struct scheduler_end end = {
        .time_ns = now_ns(),
        .cause = (uint8_t)scheduler->cause,
        .kind = (uint8_t)scheduler->exit_kind,
        .value = scheduler->exit_value,
        .duration_ns = (scheduler->process_ended ? scheduler->ended_ns : now_ns()) - scheduler->begun_ns,
        .dropped = scheduler_log_end(scheduler),
        .rejected = (uint64_t)textfile_number("/sys/kernel/sched_ext/nr_rejected", 0),
        .state = state,
        .kernel_log = &scheduler->kernel_lines,
        .message = failed ? scheduler->failure.message : "",
    };
    event_scheduler_ended(&scheduler->link->channel, &end);
    scheduler->phase = PHASE_OFF;
    if (failed && !scheduler->failed) {
        scheduler->failed = true;
        scheduler->failure.where[0] = 0; // the message is complete without it
    }
}

void scheduler_push(struct scheduler *scheduler) {
    switch (scheduler->ladder++) {
    case 0:
        signal_process(scheduler, SIGINT);
        break;
    case 1:
        signal_process(scheduler, SIGTERM);
        break;
    case 2:
        // A stalled scheduler can't even die; the reset takes its CPUs from it.
        sched_ext_reset();
        break;
    case 3:
        scheduler->killed = true;
        signal_process(scheduler, SIGKILL);
        break;
    default:
        break;
    }
}

bool scheduler_is_over(const struct scheduler *scheduler) {
    return scheduler->process_ended && (!sched_ext_present() || sched_ext_is("disabled"));
}

void scheduler_end_process(struct scheduler *scheduler, int from, uint64_t patience_ns) {
    for (scheduler->ladder = from; scheduler->ladder < 4 && !scheduler_is_over(scheduler);) {
        scheduler_push(scheduler);
        uint64_t limit = now_ns() + patience_ns;
        while (!scheduler_is_over(scheduler) && now_ns() < limit)
            link_nap(scheduler->link, 2000000);
    }
}
