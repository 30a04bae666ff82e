// Processes started by PROC_RUN: any executable in the guest, with pipes or a terminal; their output goes to the host.
#ifndef KTSTR_PROCESS_H
#define KTSTR_PROCESS_H

#include "base/buffer.h"
#include "base/failure.h"
#include "sys/cgroup.h"
#include "wire/command.h"
#include "wire/link.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
    PROCESS_LIMIT = 64,       // alive at once
    PROCESS_FDS = 3,          // file descriptors to poll per process
    PROCESS_CHUNK = 32 << 10, // most bytes of an output event
};

// Values of PROC_EXIT.
enum process_end { PROCESS_EXITED, PROCESS_SIGNALED, PROCESS_TIMED_OUT, PROCESS_NOT_RUN };

struct process_exit;

// The part of the agent that handles a process instead of the host.
struct process_owner {
    // Runs in the child just before exec. Returns false with errno set if the program can't be run.
    bool (*prepare)(const struct process_command *command);
    void (*output)(void *part, const uint8_t *bytes, size_t length);
    void (*ended)(void *part, const struct process_exit *end);
    void *part; // passed to both
};

struct process {
    struct process *next;
    uint32_t id;
    char *program; // argv[0]
    pid_t pid;     // also the id of its session and process group
    bool terminal;
    const struct process_owner *owner; // NULL: the host
    bool paced;             // output waits for the host's credit; otherwise output beyond the credit is dropped
    int input;              // descriptor for its input; -1: none or closed
    int output[2];          // standard output and standard error; a terminal has only the first. -1: end reached
    int report;             // carries a struct process_refusal if the child could not run the program
    struct buffer pending;  // input not yet taken by the process
    size_t pending_at;      // offset of the first such byte
    bool input_ends;        // close the input once nothing is pending
    uint64_t credit;        // output bytes that may still be sent
    uint64_t dropped;       // output bytes beyond the credit
    uint64_t begun_ns;      // CLOCK_MONOTONIC, like all times
    uint64_t ended_ns;      // valid if dead
    uint64_t deadline_ns;   // 0: none
    uint64_t rest_until_ns; // not read before this time, to slow down a process that prints too much
    bool dead, timed_out;
    bool stopped; // asked to end, by PROC_STOP or the end of the session
    bool told;    // PROC_EXIT was sent; the rest is freed
    int wait_status;
};

struct process_table {
    struct link *link;
    const struct cgroup_tree *cgroups;
    struct process *first; // newest first; an ended one stays until its id is used again
};

struct process_refusal {
    enum { REFUSED_DIRECTORY, REFUSED_PROGRAM, REFUSED_TERMINAL, REFUSED_TIMEOUT } stage;
    int error;
};

bool process_run(struct process_table *table, const struct process_command *command, struct failure *failure);
bool process_input(struct process_table *table, uint32_t id, const uint8_t *bytes, uint32_t length,
                   struct failure *failure);
bool process_resize(struct process_table *table, uint32_t id, uint32_t rows, uint32_t columns, struct failure *failure);
// Sends a signal to the whole process group.
bool process_signal(struct process_table *table, uint32_t id, uint32_t signal, struct failure *failure);
bool process_credit(struct process_table *table, uint32_t id, uint64_t bytes, struct failure *failure);
// Waits until PROC_EXIT of the process has been sent.
bool process_wait(struct process_table *table, uint32_t id, uint64_t timeout_ns, struct failure *failure);
// Sends the signal, if any, to the processes that still run, waits for all of them and kills the rest.
bool process_stop(struct process_table *table, const struct process_stop_command *command, struct failure *failure);
// Sends a signal to the whole process group of a process that is not dead.
void process_kill(const struct process *process, int signal);
// Kills all processes and reports their ends.
void process_stop_all(struct process_table *table);
// Frees the records of all processes; none may be alive.
void process_forget_all(struct process_table *table);

// For link_wait: moves data between processes and host without waiting, and reports the ends of processes.
void process_turn(struct process_table *table);
// Fills in what to poll before the next turn, at most PROCESS_LIMIT * PROCESS_FDS entries, and returns the number of
// entries. Lowers `until_ns` to the time of the next turn that is due anyway.
size_t process_poll(const struct process_table *table, struct pollfd *fds, uint64_t *until_ns);

// For group_bury, which calls the first while child `pid` is a zombie and the second once it has been reaped.
void process_kill_rest(const struct process_table *table, pid_t pid);
void process_reaped(struct process_table *table, pid_t pid, int wait_status);

// Runs in the child: executes the program after a byte has arrived from `placed`. `files` are its standard streams; -1:
// /dev/null.
_Noreturn void process_child(const struct process_command *command, const int files[3], int placed, int report);

#endif
