#include "base/clock.h"
#include "session.h"
#include "wire/event.h"

static const uint64_t progress_ns = 250000000;

bool hold_until(struct agent *agent, uint64_t begun_ns, uint64_t until_ns, struct failure *failure) {
    for (uint64_t next = begun_ns + progress_ns;; next += progress_ns) {
        enum wait_result why = link_wait(&agent->link, next < until_ns ? next : until_ns);
        switch (why) {
        case WAIT_LOST:
        case WAIT_DEADLINE:
        case WAIT_SIGNALED:
            return link_ended(&agent->link, why, failure);
        case WAIT_TIME:
        case WAIT_COMMAND:
        case WAIT_DONE:
            break;
        }
        if (agent->scheduler.failed) {
            *failure = agent->scheduler.failure;
            return false;
        }
        uint64_t now = now_ns();
        if (now >= until_ns)
            return true;
        event_progress(&agent->link.channel, now_ns(), now - begun_ns, until_ns - begun_ns);
    }
}
