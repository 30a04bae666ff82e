// The output of a scheduler in pieces of any size: the beginning is sent, the end is kept, the rest is counted.
#include "fuzz.h"

#include "session/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t piece[PROCESS_CHUNK];
    struct agent agent;
    agent_init(&agent);
    agent.link.channel.serial = -1;
    uint64_t printed = 0;
    // Two bytes per piece: its length.
    for (; size >= 2 && printed < 1 << 20; data += 2, size -= 2) {
        size_t length = (size_t)(data[0] | data[1] << 8) % (sizeof piece + 1);
        scheduler_log_add(&agent.scheduler, piece, length);
        printed += length;
        MUST(agent.scheduler.log.seen == printed && agent.scheduler.log.head_sent <= SCHEDULER_LOG_HEAD);
    }
    uint64_t kept = SCHEDULER_LOG_HEAD + SCHEDULER_LOG_TAIL;
    MUST(scheduler_log_end(&agent.scheduler) == (printed > kept ? printed - kept : 0));
    buffer_free(&agent.link.channel.out);
    return 0;
}
