// What every room of the agent shares with the session it works for: the channel to the host, the run's place and
// limits, and how to wait.
#ifndef KTSTR_LINK_H
#define KTSTR_LINK_H

#include "base/failure.h"
#include "channel.h"

#include <stdbool.h>
#include <stdint.h>

enum wait_result {
    WAIT_TIME,     // `until_ns` has been reached
    WAIT_COMMAND,  // bytes have arrived over COM2 (only if the session waits for them)
    WAIT_DEADLINE, // the run's deadline has passed
    WAIT_LOST,     // the host can't be reached any more
    WAIT_SIGNALED, // on a host: a signal asks the agent to end
    WAIT_DONE      // what the caller waits for has happened (link_wait_for only)
};

struct link {
    struct channel channel;
    bool host;            // an ordinary process on a host instead of PID 1 of a guest (session/host.h)
    const char *scratch;  // directory for the unnamed files of workers
    uint64_t start_ns;    // CLOCK_MONOTONIC, like all times
    uint64_t deadline_ns; // of the run, counted from start_ns
    int ended_by;         // on a host: the signal that asked the agent to end; 0: none
    // How far the test is.
    uint64_t first_step_ns; // 0: no step has begun
    uint32_t step_count, steps_done;
    // Set by the session: waits until `until_ns` or until `done`, if not NULL, points to true. Meanwhile reaps children
    // and gives every room its turn.
    enum wait_result (*wait)(void *session, uint64_t until_ns, const bool *done);
    void *session;
};

// Waits until `until_ns`; returns at once when the run is over (WAIT_DEADLINE and the results after it).
enum wait_result link_wait(struct link *link, uint64_t until_ns);
// Does the same, but only until `*done` is true.
enum wait_result link_wait_for(struct link *link, const bool *done, uint64_t until_ns);
// Waits for `ns` nanoseconds, even when the run is over.
enum wait_result link_nap(struct link *link, uint64_t ns);

// Returns whether the run's deadline has passed.
bool link_is_late(const struct link *link);
// Turns WAIT_LOST, WAIT_DEADLINE or WAIT_SIGNALED into a failure. Always returns false.
bool link_ended(const struct link *link, enum wait_result why, struct failure *failure);

#endif
