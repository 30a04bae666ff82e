#include "base/clock.h"
#include "execute.h"
#include "fault.h"
#include "session.h"
#include "wire/event.h"

#include <stdio.h>

// HOLD is the only command that waits; in live mode the host runs loops itself.
static bool obey(struct agent *agent, const struct command *command, struct failure *failure) {
    uint64_t now = now_ns();
    execute_name(command, failure);
    fault_at_first_hold(agent);
    if (command->type == COMMAND_END)
        return true;
    if (command->type == COMMAND_HOLD)
        return hold_until(agent, now, now + command->hold.ns, failure);
    return execute(agent, command, failure);
}

static bool broken(struct agent *agent, const char *error) {
    struct failure failure = {.where = "channel"};
    fail_text(&failure, "%s", error);
    event_error(&agent->link.channel, now_ns(), &failure);
    return false;
}

bool live_run(struct agent *agent) {
    char error[512];
    for (;;) {
        struct frame frame;
        switch (channel_next(&agent->link.channel, &frame, error, sizeof error)) {
        case FRAME_BAD:
            return broken(agent, error);
        case FRAME_INCOMPLETE: {
            struct failure failure = {.where = "live session"};
            enum wait_result why = agent_wait_command(agent);
            switch (why) {
            case WAIT_COMMAND: {
                const char *wrong = channel_fill(&agent->link.channel);
                if (wrong)
                    return broken(agent, wrong);
                break;
            }
            case WAIT_DEADLINE:
            case WAIT_LOST:
            case WAIT_SIGNALED:
                link_ended(&agent->link, why, &failure);
                event_error(&agent->link.channel, now_ns(), &failure);
                return false;
            case WAIT_TIME:
            case WAIT_DONE:
                break;
            }
            break;
        }
        case FRAME_OK: {
            struct arena arena = {0};
            struct command command;
            struct failure failure = {0};
            if (!command_decode(&frame, &arena, &command, error, sizeof error)) {
                arena_free(&arena);
                return broken(agent, error);
            }
            bool good = obey(agent, &command, &failure), ended = command.type == COMMAND_END;
            event_reply(&agent->link.channel, now_ns(), command.seq, good, &failure);
            arena_free(&arena);
            channel_consume(&agent->link.channel, &frame);
            if (ended)
                return true;
            break;
        }
        }
    }
}
