#include "clock.h"
#include "event.h"
#include "session.h"

#include <errno.h>

static const uint64_t progress_ns = 250000000;

bool hold_until(struct agent *agent, uint64_t begun_ns, uint64_t until_ns, struct failure *failure) {
    for (uint64_t next = begun_ns + progress_ns;; next += progress_ns) {
        switch (agent_wait(agent, next < until_ns ? next : until_ns, false)) {
        case WAIT_LOST:
            return fail_errno(failure, EPIPE, "the host can't be reached");
        case WAIT_DEADLINE:
            return fail_errno(failure, ETIMEDOUT, "the guest's deadline of %llu ms has passed",
                              (unsigned long long)(agent->options.deadline_ns / 1000000));
        case WAIT_TIME:
        case WAIT_COMMAND:
        case WAIT_PROCESS:
            break;
        }
        uint64_t now = now_ns();
        if (now >= until_ns)
            return true;
        event_progress(&agent->channel, now_ns(), now - begun_ns, until_ns - begun_ns);
    }
}
