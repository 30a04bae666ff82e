// Processes that PROC_RUN starts: any executable of the guest, with pipes or a terminal, whose output goes to the host.
#ifndef KTSTR_PROCESS_H
#define KTSTR_PROCESS_H

#include "base/buffer.h"
#include "base/failure.h"
#include "wire/command.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct agent;

enum {
    PROCESS_LIMIT = 64,       // alive at once
    PROCESS_FDS = 3,          // of each that are waited for
    PROCESS_CHUNK = 32 << 10, // most bytes of an output event
};

// Values of PROC_EXIT.
enum process_end { PROCESS_EXITED, PROCESS_SIGNALED, PROCESS_TIMED_OUT, PROCESS_NOT_RUN };

struct process_exit;

// Whoever in the agent has an interest in a process, in the host's place.
struct process_owner {
    // In the child, last before it becomes the program. False: errno says why it can't.
    bool (*prepare)(const struct process_command *command);
    void (*output)(struct agent *agent, const uint8_t *bytes, size_t length);
    void (*ended)(struct agent *agent, const struct process_exit *end);
};

struct process {
    struct process *next;
    uint32_t id;
    char *program; // argv[0]
    pid_t pid;     // and that of its session and process group
    bool terminal;
    const struct process_owner *owner; // NULL: the host
    bool paced;                        // waits for the host's credit; otherwise output beyond it is dropped
    int input;                         // where its input goes; -1: nowhere (any more)
    int output[2];          // standard output and standard error; a terminal has only the first. -1: at its end
    int report;             // a struct process_refusal when the child could not become the program
    struct buffer pending;  // input that it has not taken
    size_t pending_at;      // from here
    bool input_ends;        // after what is pending
    uint64_t credit;        // output bytes that may still be sent
    uint64_t dropped;       // output bytes beyond
    uint64_t begun_ns;      // CLOCK_MONOTONIC, as all times
    uint64_t ended_ns;      // when dead
    uint64_t deadline_ns;   // 0: none
    uint64_t rest_until_ns; // one that prints what nobody wants is not read before
    bool dead, timed_out;
    bool stopped; // it was told to end, by PROC_STOP or the end of the session
    bool told;    // PROC_EXIT was sent; the rest is freed
    int wait_status;
};

struct process_refusal {
    enum { REFUSED_DIRECTORY, REFUSED_PROGRAM, REFUSED_TERMINAL, REFUSED_TIMEOUT } stage;
    int error;
};

bool process_run(struct agent *agent, const struct process_command *command, struct failure *failure);
bool process_input(struct agent *agent, uint32_t id, const uint8_t *bytes, uint32_t length, struct failure *failure);
bool process_resize(struct agent *agent, uint32_t id, uint32_t rows, uint32_t columns, struct failure *failure);
// To its whole process group.
bool process_signal(struct agent *agent, uint32_t id, uint32_t signal, struct failure *failure);
bool process_credit(struct agent *agent, uint32_t id, uint64_t bytes, struct failure *failure);
// Until its PROC_EXIT has been sent.
bool process_wait(struct agent *agent, uint32_t id, uint64_t timeout_ns, struct failure *failure);
// Tells those that have not ended to, waits for all, and kills what is left.
bool process_stop(struct agent *agent, const struct process_stop_command *command, struct failure *failure);
// To the whole group of one that is not dead.
void process_kill(const struct process *process, int signal);
// Kills all there are, and tells their ends.
void process_stop_all(struct agent *agent);
// Frees what is known of them; none may be alive.
void process_forget_all(struct agent *agent);

// For agent_wait. Moves what can be moved between processes and host without waiting, and tells ends.
void process_turn(struct agent *agent);
// What the next turn waits for, in at most PROCESS_LIMIT * PROCESS_FDS places; lowers `until_ns` to the next moment at
// which there is something to do anyway.
size_t process_poll(const struct agent *agent, struct pollfd *fds, uint64_t *until_ns);

// For group_bury: child `pid` is a zombie, then it is reaped.
void process_kill_rest(const struct agent *agent, pid_t pid);
void process_reaped(struct agent *agent, pid_t pid, int wait_status);

// The child's side: becomes the program once a byte comes from `placed`. `files` are its standard streams; -1: nothing.
_Noreturn void process_child(const struct process_command *command, const int files[3], int placed, int report);

#endif
