#include "fault.h"

#include "poweroff.h"
#include "wire/event.h"

#include <unistd.h>

void fault_before_ready(struct agent *agent) {
    if (agent->options.fault == FAULT_HANG)
        for (;;)
            pause();
}

void fault_after_ready(struct agent *agent) { agent->link.channel.mute |= agent->options.fault == FAULT_MUTE; }

void fault_at_first_hold(struct agent *agent) {
    if (agent->fault_done)
        return;
    agent->fault_done = true;
    switch (agent->options.fault) {
    case FAULT_CRASH:
        __builtin_trap(); // the kernel panics: attempted to kill init
    case FAULT_TORN:
        agent->link.channel.tear_next = true;
        event_log(&agent->link.channel, LOG_LEVEL_INFO,
                  "ktstr.fault=torn: the second half of this frame never arrives");
        poweroff_now(&agent->link.channel);
    case FAULT_CRC:
        agent->link.channel.corrupt_next = true;
        event_log(&agent->link.channel, LOG_LEVEL_INFO, "ktstr.fault=crc: the CRC of this frame is wrong");
        break;
    case FAULT_NONE:
    case FAULT_HANG:
    case FAULT_MUTE:
        break;
    }
}
