// The scheduler under test: its process, its output, whether the kernel still runs it, why it ended.
#ifndef KTSTR_SCHEDULER_H
#define KTSTR_SCHEDULER_H

#include "base/failure.h"
#include "group/group.h"
#include "process/process.h"
#include "wire/command.h"
#include "wire/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SCHEDULER_PROCESS = UINT32_MAX, // its id among the agent's processes; the host numbers its own from 0
    SCHEDULER_LOG_HEAD = 64 << 10,  // bytes of output sent at once, and of the tail that is kept
    SCHEDULER_LOG_TAIL = 64 << 10,
    SCHEDULER_KERNEL_LINES = 32, // number of kernel log lines about it that are kept
};

// Values of SCHED_ENDED.cause.
enum scheduler_cause {
    CAUSE_STOPPED,   // stopped on request
    CAUSE_NOT_BEGUN, // never attached
    CAUSE_DIED,      // the process ended by itself
    CAUSE_DISABLED,  // the kernel disabled it while its process went on
    CAUSE_STALLED,   // ended by the watchdog: a worker made no progress
};

// Values of SCHED_ENDED.kind.
enum scheduler_exit { EXIT_STATUS, EXIT_SIGNAL, EXIT_KILLED, EXIT_NOT_RUN, EXIT_ALIVE };

enum scheduler_phase { PHASE_OFF, PHASE_STARTING, PHASE_RUNNING, PHASE_ENDING, PHASE_STOPPING };

// The output of the scheduler: the beginning is sent to the host at once; of the rest only the end is kept.
struct scheduler_log {
    uint64_t seen, head_sent;
    uint8_t *tail; // byte n of the output is at n mod SCHEDULER_LOG_TAIL
};

struct scheduler {
    struct link *link;
    struct process_table *processes;
    const struct group_table *groups; // the workers that its watchdog looks at
    struct process_owner owner;       // of its process
    // Copied from SCHED_CONFIG.
    char *name;
    bool builtin; // part of the kernel: `start` and `stop` are commands that exit
    struct str_list start, stop;
    uint64_t start_timeout_ns, watchdog_ns;
    uint32_t timeout_ms;

    enum scheduler_phase phase;
    enum scheduler_cause cause; // of the current or last end
    bool attached;              // the kernel had enabled it
    bool process_ended, killed; // killed: by the agent, after it did not end on request
    enum scheduler_exit exit_kind;
    int32_t exit_value;
    char refusal[512]; // why its program could not be run
    char stuck[512];   // the stuck worker found by the watchdog
    uint64_t begun_ns, ended_ns;
    uint64_t late_ns; // time after which it was ended because it had not attached; 0: not ended for that
    char where[96];   // place in the test where it ended unexpectedly
    uint64_t next_look_ns, give_up_ns;
    uint64_t seq_before; // enable_seq before its start
    int ladder;          // the next step of scheduler_push
    struct scheduler_log log;
    int kernel_log, trace; // /dev/kmsg and the pipe of sched_ext_dump; -1: not available
    struct str_list kernel_lines;

    bool failed; // it ended unexpectedly
    struct failure failure;
};

// Connects the scheduler, which must stay where it is.
void scheduler_init(struct scheduler *scheduler, struct link *link, struct process_table *processes,
                    const struct group_table *groups);
bool scheduler_config(struct scheduler *scheduler, const struct scheduler_command *command, struct failure *failure);
// Starts the scheduler; returns once the kernel has enabled it.
bool scheduler_start(struct scheduler *scheduler, struct failure *failure);
// Stops the scheduler; returns once it is gone and the kernel's own scheduler is back. Does nothing if no scheduler
// runs.
bool scheduler_stop(struct scheduler *scheduler, struct failure *failure);
// Stops a scheduler that still runs at the end of the session; failures are not reported.
void scheduler_finish(struct scheduler *scheduler);

// For link_wait: the first checks the scheduler without waiting; the second lowers `until_ns` to the time of the next
// check.
void scheduler_turn(struct scheduler *scheduler);
void scheduler_poll(const struct scheduler *scheduler, uint64_t *until_ns);

// scheduler/log.c
void scheduler_log_add(struct scheduler *scheduler, const uint8_t *bytes, size_t length);
// Sends the end of the output. Returns the number of bytes lost between the beginning and the end.
uint64_t scheduler_log_end(struct scheduler *scheduler);

// scheduler/kernel.c: what the kernel reports about sched_ext.
bool sched_ext_present(void);
bool sched_ext_is(const char *state);
// Makes the kernel disable the loaded scheduler and return to its own (SysRq-S).
void sched_ext_reset(void);
// Makes the kernel dump the state of sched_ext to the trace event (SysRq-D).
void sched_ext_dump(void);
void sched_ext_listen(struct scheduler *scheduler);
// Collects what the kernel has reported since the last call: log lines, which are kept, and dumps, which are sent to
// the host.
void sched_ext_hear(struct scheduler *scheduler);
void sched_ext_forget(struct scheduler *scheduler);

// scheduler/watchdog.c: returns whether a worker has been runnable without running for longer than watchdog_ns, and
// describes it in `text`.
bool scheduler_watchdog(const struct scheduler *scheduler, char *text, size_t size);

#endif
