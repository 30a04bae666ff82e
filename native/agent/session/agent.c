#include "agent.h"

#include "base/clock.h"
#include "online.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void take_signal(struct agent *agent) {
    struct signalfd_siginfo info;
    if (read(agent->signals, &info, sizeof info) == sizeof info)
        agent->ended_by = (int)info.ssi_signo;
}

static enum wait_result wait_until(struct agent *agent, uint64_t until_ns, bool commands,
                                   const struct process *process) {
    uint64_t deadline = agent->start_ns + agent->options.deadline_ns;
    sigset_t open = agent->blocked;
    sigdelset(&open, SIGCHLD);
    for (;;) {
        group_bury(agent);
        process_turn(agent);
        scheduler_turn(agent);
        online_turn(agent);
        if (agent->channel.lost)
            return WAIT_LOST;
        if (agent->ended_by)
            return WAIT_SIGNALED;
        if (process && process->told)
            return WAIT_PROCESS;
        uint64_t now = now_ns(), until = until_ns < deadline ? until_ns : deadline;
        if (now >= deadline)
            return WAIT_DEADLINE;
        if (now >= until_ns)
            return WAIT_TIME;
        struct pollfd fds[2 + PROCESS_LIMIT * PROCESS_FDS];
        // On a host the channel is a socket whose other end may close at any time.
        fds[0] = (struct pollfd){.fd = commands || agent->host ? agent->channel.serial : -1,
                                 .events = commands ? POLLIN : 0};
        fds[1] = (struct pollfd){.fd = agent->host ? agent->signals : -1, .events = POLLIN};
        size_t count = 2 + process_poll(agent, fds + 2, &until);
        scheduler_poll(agent, &until);
        struct timespec timeout = timespec_of(until > now ? until - now : 0);
        // SIGCHLD is only unblocked here, so a child that ends at any other time makes the next wait return at once.
        if (ppoll(fds, count, &timeout, &open) <= 0)
            continue;
        if (fds[1].revents)
            take_signal(agent);
        if (fds[0].revents && commands)
            return WAIT_COMMAND; // also at the end of the stream: reading detects it
        agent->channel.lost |= fds[0].revents != 0;
    }
}

enum wait_result agent_wait(struct agent *agent, uint64_t until_ns, bool commands) {
    return wait_until(agent, until_ns, commands, NULL);
}

enum wait_result agent_wait_process(struct agent *agent, const struct process *process, uint64_t until_ns) {
    return wait_until(agent, until_ns, false, process);
}

bool agent_ended(const struct agent *agent, enum wait_result why, struct failure *failure) {
    if (why == WAIT_LOST)
        return fail_errno(failure, EPIPE, "the host can't be reached");
    if (why == WAIT_SIGNALED)
        return fail_errno(failure, EINTR, "the agent was asked to end by signal %d", agent->ended_by);
    fail_errno(failure, ETIMEDOUT, "the %s deadline of %llu ms has passed", agent->host ? "run's" : "guest's",
               (unsigned long long)(agent->options.deadline_ns / 1000000));
    return fail_late(failure, agent->options.deadline_ns);
}

uint64_t agent_iterations(const struct agent *agent) {
    uint64_t sum = agent->reported_iterations;
    for (const struct group *group = agent->groups; group; group = group->next)
        for (uint32_t i = 0; i < group->count; i++)
            sum += __atomic_load_n(&group->workers[i].page->iterations, __ATOMIC_RELAXED);
    return sum;
}
