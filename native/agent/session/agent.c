#include "agent.h"

#include "base/clock.h"
#include "online.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void take_signal(struct agent *agent) {
    struct signalfd_siginfo info;
    if (read(agent->signals, &info, sizeof info) == sizeof info)
        agent->link.ended_by = (int)info.ssi_signo;
}

static enum wait_result wait_until(struct agent *agent, uint64_t until_ns, bool commands, const bool *done) {
    uint64_t deadline = agent->link.start_ns + agent->link.deadline_ns;
    sigset_t open = agent->blocked;
    sigdelset(&open, SIGCHLD);
    for (;;) {
        group_bury(&agent->groups);
        process_turn(&agent->processes);
        scheduler_turn(&agent->scheduler);
        online_turn(agent);
        if (agent->link.channel.lost)
            return WAIT_LOST;
        if (agent->link.ended_by)
            return WAIT_SIGNALED;
        if (done && *done)
            return WAIT_DONE;
        uint64_t now = now_ns(), until = until_ns < deadline ? until_ns : deadline;
        if (now >= deadline)
            return WAIT_DEADLINE;
        if (now >= until_ns)
            return WAIT_TIME;
        struct pollfd fds[2 + PROCESS_LIMIT * PROCESS_FDS];
        // On a host the channel is a socket whose other end may close at any time.
        fds[0] = (struct pollfd){.fd = commands || agent->link.host ? agent->link.channel.serial : -1,
                                 .events = commands ? POLLIN : 0};
        fds[1] = (struct pollfd){.fd = agent->link.host ? agent->signals : -1, .events = POLLIN};
        size_t count = 2 + process_poll(&agent->processes, fds + 2, &until);
        scheduler_poll(&agent->scheduler, &until);
        struct timespec timeout = timespec_of(until > now ? until - now : 0);
        // SIGCHLD is only unblocked here, so a child that ends at any other time makes the next wait return at once.
        if (ppoll(fds, count, &timeout, &open) <= 0)
            continue;
        if (fds[1].revents)
            take_signal(agent);
        if (fds[0].revents && commands)
            return WAIT_COMMAND; // also at the end of the stream: reading detects it
        agent->link.channel.lost |= fds[0].revents != 0;
    }
}

enum wait_result agent_wait_command(struct agent *agent) { return wait_until(agent, UINT64_MAX, true, NULL); }

static enum wait_result wait_for_room(void *session, uint64_t until_ns, const bool *done) {
    return wait_until(session, until_ns, false, done);
}

void agent_init(struct agent *agent) {
    *agent =
        (struct agent){.link = {.start_ns = now_ns(), .wait = wait_for_room, .session = agent},
                       .cgroups = {.link = &agent->link},
                       .processes = {.link = &agent->link, .cgroups = &agent->cgroups},
                       .groups = {.link = &agent->link, .cgroups = &agent->cgroups, .processes = &agent->processes},
                       .signals = -1,
                       .uevents = -1,
                       .step = UINT32_MAX};
    scheduler_init(&agent->scheduler, &agent->link, &agent->processes, &agent->groups);
}
