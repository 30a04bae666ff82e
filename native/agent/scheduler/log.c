#include "scheduler.h"
#include "wire/event.h"

#include <stdlib.h>
#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void send(struct scheduler *scheduler, bool tail, const uint8_t *bytes, size_t length) {
    size_t room = smaller(channel_payload_limit(&scheduler->link->channel), PROCESS_CHUNK);
    for (size_t at = 0; at < length; at += room)
        event_scheduler_output(&scheduler->link->channel, tail, bytes + at, (uint32_t)smaller(room, length - at));
}

void scheduler_log_add(struct scheduler *scheduler, const uint8_t *bytes, size_t length) {
    struct scheduler_log *log = &scheduler->log;
    size_t head = smaller(length, SCHEDULER_LOG_HEAD - log->head_sent);
    if (head)
        send(scheduler, false, bytes, head);
    log->head_sent += head;
    log->seen += head;
    bytes += head;
    length -= head;
    if (length && !log->tail)
        log->tail = malloc(SCHEDULER_LOG_TAIL);
    while (length && log->tail) {
        size_t at = log->seen % SCHEDULER_LOG_TAIL, part = smaller(length, SCHEDULER_LOG_TAIL - at);
        memcpy(log->tail + at, bytes, part);
        log->seen += part;
        bytes += part;
        length -= part;
    }
    log->seen += length; // out of memory: only count the bytes
}

uint64_t scheduler_log_end(struct scheduler *scheduler) {
    struct scheduler_log *log = &scheduler->log;
    uint64_t rest = log->seen - log->head_sent;
    uint64_t kept = log->tail ? smaller(rest, SCHEDULER_LOG_TAIL) : 0;
    for (uint64_t left = kept; left;) {
        size_t at = (log->seen - left) % SCHEDULER_LOG_TAIL, part = smaller(left, SCHEDULER_LOG_TAIL - at);
        send(scheduler, true, log->tail + at, part);
        left -= part;
    }
    free(log->tail);
    *log = (struct scheduler_log){0};
    return rest - kept;
}
