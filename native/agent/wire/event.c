#include "event.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROTOCOL_VERSION = 2 };

void put_topology(struct buffer *out, const struct topology *topology) {
    put_u32(out, topology->cpu_count);
    for (uint32_t i = 0; i < topology->cpu_count; i++) {
        const struct topology_cpu *cpu = &topology->cpus[i];
        put_u32(out, cpu->cpu);
        put_u32(out, cpu->node);
        put_u32(out, cpu->package);
        put_u32(out, cpu->core_id);
        put_u32(out, cpu->llc_id);
        put_str(out, cpu->thread_siblings);
        put_str(out, cpu->llc_shared);
    }
    put_u32(out, topology->node_count);
    for (uint32_t i = 0; i < topology->node_count; i++) {
        const struct topology_node *node = &topology->nodes[i];
        put_u32(out, node->node);
        put_str(out, node->cpulist);
        put_u64(out, node->mem_total_kb);
        put_u32(out, node->distance_count);
        for (uint32_t d = 0; d < node->distance_count; d++)
            put_u32(out, node->distances[d]);
    }
}

void event_ready(struct channel *channel, uint64_t time_ns, const char *release, const char *version,
                 const struct topology *topology, const char *notes) {
    struct buffer *out = channel_frame(channel, EVENT_READY);
    put_u32(out, PROTOCOL_VERSION);
    put_u8(out, channel->ring.memory ? 1 : 0);
    put_str(out, release);
    put_str(out, version);
    put_u64(out, time_ns);
    put_topology(out, topology);
    put_u32(out, 0); // symbols are sent after CONFIG
    put_str(out, notes);
    channel_send(channel);
    channel->use_ring = channel->ring.memory != NULL;
}

void event_symbols(struct channel *channel, const struct symbol *symbols, uint32_t count, uint64_t kernel_code_start) {
    struct buffer *out = channel_frame(channel, EVENT_SYMBOLS);
    put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_str(out, symbols[i].name);
        put_u64(out, symbols[i].address);
    }
    put_u64(out, kernel_code_start);
    channel_send(channel);
}

void event_log(struct channel *channel, enum log_level level, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    text_format(text, sizeof text, format, arguments);
    va_end(arguments);
    struct buffer *out = channel_frame(channel, EVENT_LOG);
    put_u8(out, (uint8_t)level);
    put_str(out, text);
    channel_send(channel);
}

void event_stimulus(struct channel *channel, uint64_t time_ns, uint32_t step, const char *kind, const char *detail,
                    uint64_t iterations) {
    struct buffer *out = channel_frame(channel, EVENT_STIMULUS);
    put_u64(out, time_ns);
    put_u32(out, step);
    put_str(out, kind);
    put_str(out, detail);
    put_u64(out, iterations);
    channel_send(channel);
}

void event_step(struct channel *channel, uint64_t time_ns, uint32_t index, uint32_t count, bool begin,
                const char *label) {
    struct buffer *out = channel_frame(channel, EVENT_STEP);
    put_u64(out, time_ns);
    put_u32(out, index);
    put_u32(out, count);
    put_bool(out, begin);
    put_str(out, label);
    channel_send(channel);
}

void event_error(struct channel *channel, uint64_t time_ns, const struct failure *failure) {
    struct buffer *out = channel_frame(channel, EVENT_ERROR);
    put_u64(out, failure->waited_ns ? failure->gave_up_ns : time_ns);
    put_u64(out, failure->waited_ns);
    put_u32(out, (uint32_t)failure->error);
    put_str(out, failure->where);
    put_str(out, failure->message);
    channel_send(channel);
}

void event_latencies(struct channel *channel, uint32_t group, uint32_t index, const uint64_t *latencies,
                     uint32_t count) {
    uint32_t limit = (uint32_t)(channel_payload_limit(channel) / sizeof *latencies);
    for (uint32_t at = 0; at < count; at += limit) {
        uint32_t part = count - at < limit ? count - at : limit;
        struct buffer *out = channel_frame(channel, EVENT_LATENCIES);
        put_u32(out, group);
        put_u32(out, index);
        put_u32(out, part);
        put_raw(out, latencies + at, part * sizeof *latencies);
        channel_send(channel);
    }
}

void event_reply(struct channel *channel, uint64_t time_ns, uint32_t command, bool ok, const struct failure *failure) {
    bool late = !ok && failure->waited_ns;
    struct buffer *out = channel_frame(channel, EVENT_REPLY);
    put_u64(out, late ? failure->gave_up_ns : time_ns);
    put_u64(out, late ? failure->waited_ns : 0);
    put_u32(out, command);
    put_bool(out, ok);
    put_u32(out, ok ? 0 : (uint32_t)failure->error);
    put_str(out, ok ? "" : failure->message);
    channel_send(channel);
}

void event_done(struct channel *channel, uint64_t time_ns, bool ok, uint32_t workers) {
    struct buffer *out = channel_frame(channel, EVENT_DONE);
    put_u64(out, time_ns);
    put_bool(out, ok);
    put_u32(out, workers);
    channel_send(channel);
}

void event_progress(struct channel *channel, uint64_t time_ns, uint64_t elapsed_ns, uint64_t hold_ns) {
    struct buffer *out = channel_frame(channel, EVENT_PROGRESS);
    put_u64(out, time_ns);
    put_u64(out, elapsed_ns);
    put_u64(out, hold_ns);
    channel_send(channel);
}

void event_cgroup_file(struct channel *channel, const char *path, const char *file, const char *text) {
    struct buffer *out = channel_frame(channel, EVENT_CGROUP_FILE);
    put_str(out, path);
    put_str(out, file);
    put_str(out, text);
    channel_send(channel);
}

void event_schedstat(struct channel *channel, const char *text) {
    struct buffer *out = channel_frame(channel, EVENT_SCHEDSTAT);
    put_str(out, text);
    channel_send(channel);
}

void event_online(struct channel *channel, uint64_t time_ns, const struct online_change *changes, uint32_t count,
                  const char *online, const char *isolated) {
    struct buffer *out = channel_frame(channel, EVENT_ONLINE);
    put_u64(out, time_ns);
    put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_u32(out, changes[i].cpu);
        put_u8(out, changes[i].online);
    }
    put_str(out, online);
    put_str(out, isolated);
    channel_send(channel);
}

static void send_bytes(struct channel *channel, uint16_t type, const uint8_t *bytes, uint32_t length) {
    struct buffer *out = channel_frame(channel, type);
    put_bytes(out, bytes, length);
    channel_send(channel);
}

void event_trace(struct channel *channel, const uint8_t *bytes, uint32_t length) {
    send_bytes(channel, EVENT_TRACE, bytes, length);
}

void event_scheduler_started(struct channel *channel, uint64_t time_ns, uint64_t attach_ns, const char *ops,
                             uint64_t enable_seq, uint64_t rejected) {
    struct buffer *out = channel_frame(channel, EVENT_SCHED_STARTED);
    put_u64(out, time_ns);
    put_u64(out, attach_ns);
    put_str(out, ops);
    put_u64(out, enable_seq);
    put_u64(out, rejected);
    channel_send(channel);
}

void event_scheduler_ended(struct channel *channel, const struct scheduler_end *end) {
    struct buffer *out = channel_frame(channel, EVENT_SCHED_ENDED);
    put_u64(out, end->time_ns);
    put_u8(out, end->cause);
    put_u8(out, end->kind);
    put_i32(out, end->value);
    put_u64(out, end->duration_ns);
    put_u64(out, end->dropped);
    put_u64(out, end->rejected);
    put_str(out, end->state);
    put_u32(out, end->kernel_log->count);
    for (uint32_t i = 0; i < end->kernel_log->count; i++)
        put_str(out, end->kernel_log->items[i]);
    put_str(out, end->message);
    channel_send(channel);
}

void event_scheduler_output(struct channel *channel, bool tail, const uint8_t *bytes, uint32_t length) {
    struct buffer *out = channel_frame(channel, EVENT_SCHED_OUTPUT);
    put_bool(out, tail);
    put_bytes(out, bytes, length);
    channel_send(channel);
}

void event_scheduler_dump(struct channel *channel, const uint8_t *bytes, uint32_t length) {
    send_bytes(channel, EVENT_SCHED_DUMP, bytes, length);
}

void event_process_output(struct channel *channel, uint32_t id, uint8_t stream, const uint8_t *bytes, uint32_t length) {
    struct buffer *out = channel_frame(channel, EVENT_PROC_OUTPUT);
    put_u32(out, id);
    put_u8(out, stream);
    put_bytes(out, bytes, length);
    channel_send(channel);
}

void event_process_exit(struct channel *channel, const struct process_exit *end) {
    struct buffer *out = channel_frame(channel, EVENT_PROC_EXIT);
    put_u32(out, end->id);
    put_u8(out, end->kind);
    put_i32(out, end->value);
    put_u64(out, end->duration_ns);
    put_u64(out, end->dropped);
    put_bool(out, end->stopped);
    put_str(out, end->message);
    channel_send(channel);
}

void event_process_taken(struct channel *channel, uint32_t id, uint64_t bytes) {
    struct buffer *out = channel_frame(channel, EVENT_PROC_TAKEN);
    put_u32(out, id);
    put_u64(out, bytes);
    channel_send(channel);
}
