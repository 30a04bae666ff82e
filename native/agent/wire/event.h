// Sends the events of docs/protocol.md over the channel.
#ifndef KTSTR_EVENT_H
#define KTSTR_EVENT_H

#include "base/failure.h"
#include "channel.h"
#include "command.h"

enum event_type {
    EVENT_READY = 0x8001,
    EVENT_SYMBOLS = 0x8002,
    EVENT_LOG = 0x8003,
    EVENT_STIMULUS = 0x8004,
    EVENT_STEP = 0x8005,
    EVENT_ERROR = 0x8006,
    EVENT_COUNTERS = 0x8007,
    EVENT_WORKER_REPORT = 0x8008,
    EVENT_LATENCIES = 0x8009,
    EVENT_REPLY = 0x800a,
    EVENT_DONE = 0x800b,
    EVENT_PROGRESS = 0x800c,
    EVENT_CGROUP_FILE = 0x800d,
    EVENT_SCHEDSTAT = 0x800e,
    EVENT_TRACE = 0x800f,
    EVENT_ONLINE = 0x8010,
    EVENT_SCHED_STARTED = 0x8301,
    EVENT_SCHED_ENDED = 0x8302,
    EVENT_SCHED_OUTPUT = 0x8303,
    EVENT_SCHED_DUMP = 0x8304,
    EVENT_PROC_OUTPUT = 0x8401,
    EVENT_PROC_EXIT = 0x8402,
    EVENT_PROC_TAKEN = 0x8403,
};

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct topology_cpu {
    uint32_t cpu, node, package, core_id, llc_id;
    const char *thread_siblings, *llc_shared; // cpulists, never NULL
};

struct topology_node {
    uint32_t node;
    const char *cpulist; // never NULL
    uint64_t mem_total_kb;
    uint32_t distance_count;
    uint32_t *distances;
};

struct topology {
    uint32_t cpu_count, node_count;
    struct topology_cpu *cpus;
    struct topology_node *nodes;
};

struct symbol {
    const char *name;
    uint64_t address;
};

struct online_change {
    uint32_t cpu;
    bool online;
};

struct scheduler_end {
    uint64_t time_ns;
    uint8_t cause, kind;
    int32_t value;
    uint64_t duration_ns, dropped, rejected;
    const char *state;
    const struct str_list *kernel_log;
    const char *message;
};

struct process_exit {
    uint32_t id;
    uint8_t kind;
    int32_t value;
    uint64_t duration_ns, dropped;
    bool stopped;
    const char *message;
};

// Writes the topology in the format of READY.
void put_topology(struct buffer *out, const struct topology *topology);

// `time_ns` is the time of the event, taken by the caller.

void event_ready(struct channel *channel, uint64_t time_ns, const char *release, const char *version,
                 const struct topology *topology, const char *notes);
void event_symbols(struct channel *channel, const struct symbol *symbols, uint32_t count, uint64_t kernel_code_start);
void event_log(struct channel *channel, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void event_stimulus(struct channel *channel, uint64_t time_ns, uint32_t step, const char *kind, const char *detail,
                    uint64_t iterations);
void event_step(struct channel *channel, uint64_t time_ns, uint32_t index, uint32_t count, bool begin,
                const char *label);
void event_error(struct channel *channel, uint64_t time_ns, const struct failure *failure);
void event_latencies(struct channel *channel, uint32_t group, uint32_t index, const uint64_t *latencies,
                     uint32_t count);
void event_reply(struct channel *channel, uint64_t time_ns, uint32_t command, bool ok, const struct failure *failure);
void event_done(struct channel *channel, uint64_t time_ns, bool ok, uint32_t workers);
void event_progress(struct channel *channel, uint64_t time_ns, uint64_t elapsed_ns, uint64_t hold_ns);
void event_cgroup_file(struct channel *channel, const char *path, const char *file, const char *text);
void event_schedstat(struct channel *channel, const char *text);
void event_online(struct channel *channel, uint64_t time_ns, const struct online_change *changes, uint32_t count,
                  const char *online, const char *isolated);
void event_trace(struct channel *channel, const uint8_t *bytes, uint32_t length);
void event_scheduler_started(struct channel *channel, uint64_t time_ns, uint64_t attach_ns, const char *ops,
                             uint64_t enable_seq, uint64_t rejected);
void event_scheduler_ended(struct channel *channel, const struct scheduler_end *end);
void event_scheduler_output(struct channel *channel, bool tail, const uint8_t *bytes, uint32_t length);
void event_scheduler_dump(struct channel *channel, const uint8_t *bytes, uint32_t length);
void event_process_output(struct channel *channel, uint32_t id, uint8_t stream, const uint8_t *bytes, uint32_t length);
void event_process_exit(struct channel *channel, const struct process_exit *end);
void event_process_taken(struct channel *channel, uint32_t id, uint64_t bytes);

#endif
