#include "agent.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

static enum wait_result wait_until(struct agent *agent, uint64_t until_ns, bool commands,
                                   const struct process *process) {
    uint64_t deadline = agent->start_ns + agent->options.deadline_ns;
    sigset_t open = agent->blocked;
    sigdelset(&open, SIGCHLD);
    for (;;) {
        group_bury(agent);
        process_turn(agent);
        if (agent->channel.lost)
            return WAIT_LOST;
        if (process && process->told)
            return WAIT_PROCESS;
        uint64_t now = now_ns(), until = until_ns < deadline ? until_ns : deadline;
        if (now >= deadline)
            return WAIT_DEADLINE;
        if (now >= until_ns)
            return WAIT_TIME;
        struct pollfd fds[1 + PROCESS_LIMIT * PROCESS_FDS];
        fds[0] = (struct pollfd){.fd = commands ? agent->channel.serial : -1, .events = POLLIN};
        size_t count = 1 + process_poll(agent, fds + 1, &until);
        struct timespec timeout = timespec_of(until > now ? until - now : 0);
        // SIGCHLD is let through only here, so a child that ends at any other moment ends the next wait at once.
        if (ppoll(fds, count, &timeout, &open) > 0 && fds[0].revents)
            return WAIT_COMMAND;
    }
}

enum wait_result agent_wait(struct agent *agent, uint64_t until_ns, bool commands) {
    return wait_until(agent, until_ns, commands, NULL);
}

enum wait_result agent_wait_process(struct agent *agent, const struct process *process, uint64_t until_ns) {
    return wait_until(agent, until_ns, false, process);
}

uint64_t agent_iterations(const struct agent *agent) {
    uint64_t sum = agent->reported_iterations;
    for (const struct group *group = agent->groups; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++)
            sum += __atomic_load_n(&group->workers[i].page->iterations, __ATOMIC_RELAXED);
    return sum;
}
