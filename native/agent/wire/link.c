#include "link.h"

#include "base/clock.h"

#include <errno.h>
#include <time.h>

enum wait_result link_wait(struct link *link, uint64_t until_ns) { return link->wait(link->session, until_ns, NULL); }

enum wait_result link_wait_for(struct link *link, const bool *done, uint64_t until_ns) {
    return link->wait(link->session, until_ns, done);
}

enum wait_result link_nap(struct link *link, uint64_t ns) {
    enum wait_result result = link_wait(link, now_ns() + ns);
    if (result >= WAIT_DEADLINE) { // link_wait no longer waits
        struct timespec pause = timespec_of(ns);
        nanosleep(&pause, NULL);
    }
    return result;
}

bool link_is_late(const struct link *link) { return now_ns() >= link->start_ns + link->deadline_ns; }

bool link_ended(const struct link *link, enum wait_result why, struct failure *failure) {
    if (why == WAIT_LOST)
        return fail_errno(failure, EPIPE, "the host can't be reached");
    if (why == WAIT_SIGNALED)
        return fail_errno(failure, EINTR, "the agent was asked to end by signal %d", link->ended_by);
    fail_errno(failure, ETIMEDOUT, "the %s deadline of %llu ms has passed", link->host ? "run's" : "guest's",
               (unsigned long long)(link->deadline_ns / 1000000));
    return fail_late(failure, link->deadline_ns);
}
