// Commands of docs/protocol.md, decoded.
#ifndef KTSTR_COMMAND_H
#define KTSTR_COMMAND_H

#include "base/cursor.h"
#include "frame.h"

enum command_type {
    COMMAND_CONFIG = 0x0001,
    COMMAND_END = 0x0002,
    COMMAND_HOLD = 0x0003,
    COMMAND_STEP_BEGIN = 0x0004,
    COMMAND_STEP_END = 0x0005,
    COMMAND_LOOP_BEGIN = 0x0006,
    COMMAND_LOOP_END = 0x0007,
    COMMAND_MARK = 0x0008,
    COMMAND_INTERRUPTS = 0x0009,
    COMMAND_CGROUP_CREATE = 0x0101,
    COMMAND_CGROUP_REMOVE = 0x0102,
    COMMAND_CGROUP_WRITE = 0x0103,
    COMMAND_CGROUP_MOVE_ALL = 0x0104,
    COMMAND_CGROUP_MOVE_GROUP = 0x0105,
    COMMAND_CGROUP_READ = 0x0106,
    COMMAND_SPAWN = 0x0201,
    COMMAND_START = 0x0202,
    COMMAND_STOP = 0x0203,
    COMMAND_SET_AFFINITY = 0x0204,
    COMMAND_READ_COUNTERS = 0x0205,
    COMMAND_KILL_WORKER = 0x0206,
    COMMAND_START_OFFSETS = 0x0207,
    COMMAND_SCHED_CONFIG = 0x0301,
    COMMAND_SCHED_START = 0x0302,
    COMMAND_SCHED_STOP = 0x0303,
    COMMAND_PROC_RUN = 0x0401,
    COMMAND_PROC_INPUT = 0x0402,
    COMMAND_PROC_RESIZE = 0x0403,
    COMMAND_PROC_WAIT = 0x0404,
    COMMAND_PROC_KILL = 0x0405,
    COMMAND_PROC_CREDIT = 0x0406,
    COMMAND_PROC_STOP = 0x0407,
};

struct str_list {
    uint32_t count;
    const char **items;
};

struct u32_list {
    uint32_t count;
    uint32_t *items;
};

struct setting {
    const char *name, *value;
};

struct setting_list {
    uint32_t count;
    struct setting *items;
};

struct worker_spec {
    uint32_t index;
    bool has_affinity;
    struct cpu_list affinity;
    uint8_t policy; // the kernel's number
    uint32_t priority;
    int32_t nice;
    bool has_mempolicy;
    uint8_t mode;
    uint32_t mode_flags;
    struct u32_list nodes;
};

struct spawn_command {
    uint32_t group;
    const char *cgroup, *label;
    uint32_t group_size, channels;
    const uint8_t *program;
    uint32_t program_length;
    uint32_t count;
    struct worker_spec *workers;
};

struct scheduler_command {
    const char *name;
    bool builtin; // `start` and `stop` are commands that exit; otherwise `start` is the scheduler
    struct str_list start, stop;
    uint64_t start_timeout_ns, watchdog_ns; // watchdog 0: none
    uint32_t timeout_ms;                    // of the kernel's own watchdog; 0: keep the scheduler's value
};

struct process_command {
    uint32_t id;
    const char *cgroup;
    struct str_list argv;
    struct setting_list environment;
    const char *directory; // "": the root
    bool has_terminal;
    uint32_t rows, columns;
    bool input;           // PROC_INPUT follows
    uint64_t deadline_ns; // after its start; 0: none
    uint64_t credit;
    bool paced;
    // Not part of the wire format; set by the agent.
    const struct process_owner *owner;
    uint32_t timeout_ms; // used by owner->prepare; 0: none
};

struct command {
    enum command_type type;
    uint32_t seq;
    union {
        struct {
            struct str_list symbols;
            struct setting_list sysctls;
        } config;
        struct {
            uint64_t ns;
        } hold;
        struct {
            uint32_t index, count;
            const char *label;
        } step;
        struct {
            uint64_t total_ns, interval_ns;
        } loop;
        struct {
            const char *kind, *detail;
        } mark;
        struct {
            const char *path;
            struct str_list controllers;
        } cgroup_create;
        struct {
            const char *path;
        } cgroup_remove;
        struct {
            const char *path, *file, *value;
        } cgroup_write;
        struct {
            const char *path, *file;
        } cgroup_read;
        struct {
            const char *from, *to;
        } move_all;
        struct {
            uint32_t group;
            const char *to;
        } move_group;
        struct spawn_command spawn;
        struct u32_list groups; // START, STOP
        struct {
            uint32_t group, count;
            struct cpu_list *cpus;
        } set_affinity;
        struct {
            uint32_t group, index, signal;
        } kill;
        struct {
            uint64_t seed, mean_ns;
        } interrupts;
        struct {
            uint32_t group;
            struct u32_list ns;
        } start_offsets;
        struct scheduler_command scheduler; // SCHED_CONFIG
        struct process_command process;     // PROC_RUN
        struct {
            uint32_t id;
            const uint8_t *bytes;
            uint32_t length;
        } process_input;
        struct {
            uint32_t id, rows, columns;
        } process_resize;
        struct {
            uint32_t id;
            uint64_t timeout_ns;
        } process_wait;
        struct {
            uint32_t id, signal;
        } process_kill;
        struct {
            uint32_t id;
            uint64_t bytes;
        } process_credit;
        struct process_stop_command {
            struct u32_list ids;
            uint32_t signal;
            uint64_t grace_ns;
        } process_stop;
    };
};

// Returns the name of a command for messages, or "?" for an unknown type.
const char *command_name(uint16_t type);

// Decodes the payload of `frame`. The command points into `arena` and into the frame's bytes. On failure `error` says
// what is wrong, with the offset of the frame.
bool command_decode(const struct frame *frame, struct arena *arena, struct command *command, char *error,
                    size_t error_size);

#endif
