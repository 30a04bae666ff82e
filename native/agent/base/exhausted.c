#include "exhausted.h"

#include "clock.h"
#include "console.h"
#include "session/poweroff.h"
#include "wire/event.h"

#include <errno.h>
#include <unistd.h>

static struct channel *told;
static pid_t teller;

void exhausted_tell(struct channel *channel) {
    // The frame of the report must not need what there is none of.
    channel_frame(channel, EVENT_ERROR);
    for (int i = 0; i < 256; i++)
        put_u64(&channel->out, 0);
    told = channel;
    teller = getpid();
}

_Noreturn void exhausted(size_t bytes) {
    struct channel *channel = told;
    console_print("ktstr-agent: out of memory for %zu bytes\n", bytes);
    if (!channel || teller != getpid())
        _exit(1);
    told = NULL; // should the report want more memory, it ends here
    struct failure failure = {.where = "agent"};
    fail_errno(&failure, ENOMEM, "%zu bytes; give the guest more memory, or the plan fewer workers", bytes);
    event_error(channel, now_ns(), &failure);
    event_done(channel, now_ns(), false, 0);
    poweroff_now(channel);
}
