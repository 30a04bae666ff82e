#include "out_of_memory.h"

#include "base/clock.h"
#include "base/exhausted.h"
#include "poweroff.h"
#include "wire/event.h"

#include <errno.h>

static struct channel *told;

static void tell(size_t bytes) {
    struct failure failure = {.where = "agent"};
    fail_errno(&failure, ENOMEM, "%zu bytes; give the guest more memory, or the plan fewer workers", bytes);
    event_error(told, now_ns(), &failure);
    event_done(told, now_ns(), false, 0);
    poweroff_now(told);
}

void out_of_memory_tell(struct channel *channel) {
    // Reserves the buffer of the report now, because building its frame must not need memory later.
    channel_frame(channel, EVENT_ERROR);
    for (int i = 0; i < 256; i++)
        put_u64(&channel->out, 0);
    told = channel;
    exhausted_report_by(tell);
}
