// The scheduler under test: its process, what it prints, whether the kernel still runs it, why it ended.
#ifndef KTSTR_SCHEDULER_H
#define KTSTR_SCHEDULER_H

#include "base/failure.h"
#include "wire/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct agent;

enum {
    SCHEDULER_PROCESS = UINT32_MAX, // its number among the processes; the host's own count from 0
    SCHEDULER_LOG_HEAD = 64 << 10,  // bytes of output that are sent as they come, and of the last ones kept
    SCHEDULER_LOG_TAIL = 64 << 10,
    SCHEDULER_KERNEL_LINES = 32, // lines of the kernel's log about it that are kept
};

// Values of SCHED_ENDED.cause.
enum scheduler_cause {
    CAUSE_STOPPED,   // it was told to
    CAUSE_NOT_BEGUN, // it never attached
    CAUSE_DIED,      // its process ended by itself
    CAUSE_DISABLED,  // the kernel runs it no more, and its process went on
    CAUSE_STALLED,   // the watchdog ended it: a worker did not get on
};

// Values of SCHED_ENDED.kind.
enum scheduler_exit { EXIT_STATUS, EXIT_SIGNAL, EXIT_KILLED, EXIT_NOT_RUN, EXIT_ALIVE };

enum scheduler_phase { PHASE_OFF, PHASE_STARTING, PHASE_RUNNING, PHASE_ENDING, PHASE_STOPPING };

// What it printed: the beginning goes to the host at once, of the rest the end is kept.
struct scheduler_log {
    uint64_t seen, head_sent;
    uint8_t *tail; // byte n of the output at n mod SCHEDULER_LOG_TAIL
};

struct scheduler {
    // SCHED_CONFIG, copied.
    char *name;
    bool builtin; // part of the kernel: `start` and `stop` are commands that end
    struct str_list start, stop;
    uint64_t start_timeout_ns, watchdog_ns;
    uint32_t timeout_ms;

    enum scheduler_phase phase;
    enum scheduler_cause cause; // of what is ending
    bool attached;              // the kernel had enabled it
    bool process_ended, killed; // killed: by the agent, as it did not end
    enum scheduler_exit exit_kind;
    int32_t exit_value;
    char refusal[512]; // why its program could not be run
    char stuck[512];   // whom the watchdog found
    uint64_t begun_ns, ended_ns;
    uint64_t late_ns; // how long it had taken when it was ended because it did not attach; 0: it was not
    char where[96];   // in the test it was seen to end against the plan
    uint64_t next_look_ns, give_up_ns;
    uint64_t seq_before; // enable_seq before its start
    int ladder;          // how far ending it has gone
    struct scheduler_log log;
    int kernel_log, trace; // /dev/kmsg and the pipe of sched_ext_dump; -1: not there
    struct str_list kernel_lines;

    bool failed; // it ended when nobody wanted it to
    struct failure failure;
};

void scheduler_init(struct scheduler *scheduler);
bool scheduler_config(struct agent *agent, const struct scheduler_command *command, struct failure *failure);
// Returns once the kernel has enabled it.
bool scheduler_start(struct agent *agent, struct failure *failure);
// Returns once it is gone and the kernel's own scheduler rules again; nothing to do when none runs.
bool scheduler_stop(struct agent *agent, struct failure *failure);
// At the end of the session: stops what still runs, without a word should it fail.
void scheduler_finish(struct agent *agent);

// For agent_wait: looks after it without waiting; lowers `until_ns` to the next time that is to be done.
void scheduler_turn(struct agent *agent);
void scheduler_poll(const struct agent *agent, uint64_t *until_ns);

// scheduler_log.c
void scheduler_log_add(struct agent *agent, const uint8_t *bytes, size_t length);
// Sends the end of the output; gives the number of bytes between beginning and end that nobody will see.
uint64_t scheduler_log_end(struct agent *agent);

// scheduler_kernel.c: what the kernel says about sched_ext.
bool sched_ext_present(void);
bool sched_ext_is(const char *state);
// The kernel disables what is loaded and goes back to its own scheduler (SysRq-S).
void sched_ext_reset(void);
// The state of sched_ext goes to the trace event (SysRq-D).
void sched_ext_dump(void);
void sched_ext_listen(struct scheduler *scheduler);
// Takes what the kernel has said since: lines of its log, and dumps, which go to the host.
void sched_ext_hear(struct agent *agent);
void sched_ext_forget(struct scheduler *scheduler);

// scheduler_watchdog.c: a worker that could run and did not for longer than the scheduler may keep it waiting, in
// words.
bool scheduler_watchdog(const struct agent *agent, char *text, size_t size);

#endif
