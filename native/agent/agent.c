#include "agent.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

enum wait_result agent_wait(struct agent *agent, uint64_t until_ns, bool commands) {
    uint64_t deadline = agent->start_ns + agent->options.deadline_ns;
    sigset_t open = agent->blocked;
    sigdelset(&open, SIGCHLD);
    for (;;) {
        group_bury(agent);
        if (agent->channel.lost)
            return WAIT_LOST;
        uint64_t now = now_ns(), until = until_ns < deadline ? until_ns : deadline;
        if (now >= deadline)
            return WAIT_DEADLINE;
        if (now >= until_ns)
            return WAIT_TIME;
        struct pollfd line = {.fd = commands ? agent->channel.serial : -1, .events = POLLIN};
        struct timespec timeout = timespec_of(until - now);
        // SIGCHLD is let through only here, so a child that ends at any other moment ends the next wait at once.
        if (ppoll(&line, 1, &timeout, &open) > 0)
            return WAIT_COMMAND;
    }
}

uint64_t agent_iterations(const struct agent *agent) {
    uint64_t sum = agent->reported_iterations;
    for (const struct group *group = agent->groups; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++)
            sum += __atomic_load_n(&group->workers[i].page->iterations, __ATOMIC_RELAXED);
    return sum;
}
