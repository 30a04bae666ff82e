#include "command.h"

#include <stdio.h>

static struct str_list get_strings(struct cursor *cursor) {
    struct str_list list = {.count = get_count(cursor, 4)};
    list.items = arena_alloc(cursor->arena, list.count, sizeof *list.items);
    for (uint32_t i = 0; i < list.count; i++)
        list.items[i] = get_str(cursor);
    return list;
}

static struct setting_list get_settings(struct cursor *cursor) {
    struct setting_list list = {.count = get_count(cursor, 8)};
    list.items = arena_alloc(cursor->arena, list.count, sizeof *list.items);
    for (uint32_t i = 0; i < list.count; i++) {
        list.items[i].name = get_str(cursor);
        list.items[i].value = get_str(cursor);
    }
    return list;
}

static struct u32_list get_u32s(struct cursor *cursor) {
    struct u32_list list = {.count = get_count(cursor, 4)};
    list.items = arena_alloc(cursor->arena, list.count, sizeof *list.items);
    for (uint32_t i = 0; i < list.count; i++)
        list.items[i] = get_u32(cursor);
    return list;
}

static struct worker_spec get_worker(struct cursor *cursor) {
    struct worker_spec worker = {.index = get_u32(cursor)};
    worker.has_affinity = get_bool(cursor);
    if (worker.has_affinity)
        worker.affinity = get_cpus(cursor);
    worker.policy = get_u8(cursor);
    worker.priority = get_u32(cursor);
    worker.nice = get_i32(cursor);
    worker.has_mempolicy = get_bool(cursor);
    if (worker.has_mempolicy) {
        worker.mode = get_u8(cursor);
        worker.mode_flags = get_u32(cursor);
        worker.nodes = get_u32s(cursor);
    }
    return worker;
}

static void get_spawn(struct cursor *cursor, struct spawn_command *spawn) {
    spawn->group = get_u32(cursor);
    spawn->cgroup = get_str(cursor);
    spawn->label = get_str(cursor);
    spawn->group_size = get_u32(cursor);
    spawn->channels = get_u32(cursor);
    spawn->program = get_bytes(cursor, &spawn->program_length);
    spawn->count = get_count(cursor, 15);
    spawn->workers = arena_alloc(cursor->arena, spawn->count, sizeof *spawn->workers);
    for (uint32_t i = 0; i < spawn->count; i++)
        spawn->workers[i] = get_worker(cursor);
}

static void get_scheduler(struct cursor *cursor, struct scheduler_command *scheduler) {
    scheduler->name = get_str(cursor);
    scheduler->builtin = get_bool(cursor);
    scheduler->start = get_strings(cursor);
    scheduler->stop = get_strings(cursor);
    scheduler->start_timeout_ns = get_u64(cursor);
    scheduler->watchdog_ns = get_u64(cursor);
    scheduler->timeout_ms = get_u32(cursor);
}

static void get_process(struct cursor *cursor, struct process_command *process) {
    process->id = get_u32(cursor);
    process->cgroup = get_str(cursor);
    process->argv = get_strings(cursor);
    process->environment = get_settings(cursor);
    process->directory = get_str(cursor);
    process->has_terminal = get_bool(cursor);
    if (process->has_terminal) {
        process->rows = get_u32(cursor);
        process->columns = get_u32(cursor);
    }
    process->input = get_bool(cursor);
    process->deadline_ns = get_u64(cursor);
    process->credit = get_u64(cursor);
    process->paced = get_bool(cursor);
}

static bool get_fields(struct cursor *cursor, struct command *command) {
    switch (command->type) {
    case COMMAND_CONFIG:
        command->config.symbols = get_strings(cursor);
        command->config.sysctls = get_settings(cursor);
        return true;
    case COMMAND_HOLD:
        command->hold.ns = get_u64(cursor);
        return true;
    case COMMAND_STEP_BEGIN:
        command->step.index = get_u32(cursor);
        command->step.count = get_u32(cursor);
        command->step.label = get_str(cursor);
        return true;
    case COMMAND_STEP_END:
        command->step.index = get_u32(cursor);
        return true;
    case COMMAND_LOOP_BEGIN:
        command->loop.total_ns = get_u64(cursor);
        command->loop.interval_ns = get_u64(cursor);
        return true;
    case COMMAND_MARK:
        command->mark.kind = get_str(cursor);
        command->mark.detail = get_str(cursor);
        return true;
    case COMMAND_CGROUP_CREATE:
        command->cgroup_create.path = get_str(cursor);
        command->cgroup_create.controllers = get_strings(cursor);
        return true;
    case COMMAND_CGROUP_REMOVE:
        command->cgroup_remove.path = get_str(cursor);
        return true;
    case COMMAND_CGROUP_WRITE:
        command->cgroup_write.path = get_str(cursor);
        command->cgroup_write.file = get_str(cursor);
        command->cgroup_write.value = get_str(cursor);
        return true;
    case COMMAND_CGROUP_MOVE_ALL:
        command->move_all.from = get_str(cursor);
        command->move_all.to = get_str(cursor);
        return true;
    case COMMAND_CGROUP_MOVE_GROUP:
        command->move_group.group = get_u32(cursor);
        command->move_group.to = get_str(cursor);
        return true;
    case COMMAND_CGROUP_READ:
        command->cgroup_read.path = get_str(cursor);
        command->cgroup_read.file = get_str(cursor);
        return true;
    case COMMAND_SPAWN:
        get_spawn(cursor, &command->spawn);
        return true;
    case COMMAND_START:
    case COMMAND_STOP:
        command->groups = get_u32s(cursor);
        return true;
    case COMMAND_SET_AFFINITY:
        command->set_affinity.group = get_u32(cursor);
        command->set_affinity.count = get_count(cursor, 4);
        command->set_affinity.cpus =
            arena_alloc(cursor->arena, command->set_affinity.count, sizeof *command->set_affinity.cpus);
        for (uint32_t i = 0; i < command->set_affinity.count; i++)
            command->set_affinity.cpus[i] = get_cpus(cursor);
        return true;
    case COMMAND_KILL_WORKER:
        command->kill.group = get_u32(cursor);
        command->kill.index = get_u32(cursor);
        command->kill.signal = get_u32(cursor);
        return true;
    case COMMAND_INTERRUPTS:
        command->interrupts.seed = get_u64(cursor);
        command->interrupts.mean_ns = get_u64(cursor);
        return true;
    case COMMAND_START_OFFSETS:
        command->start_offsets.group = get_u32(cursor);
        command->start_offsets.ns = get_u32s(cursor);
        return true;
    case COMMAND_SCHED_CONFIG:
        get_scheduler(cursor, &command->scheduler);
        return true;
    case COMMAND_PROC_RUN:
        get_process(cursor, &command->process);
        return true;
    case COMMAND_PROC_INPUT:
        command->process_input.id = get_u32(cursor);
        command->process_input.bytes = get_bytes(cursor, &command->process_input.length);
        return true;
    case COMMAND_PROC_RESIZE:
        command->process_resize.id = get_u32(cursor);
        command->process_resize.rows = get_u32(cursor);
        command->process_resize.columns = get_u32(cursor);
        return true;
    case COMMAND_PROC_WAIT:
        command->process_wait.id = get_u32(cursor);
        command->process_wait.timeout_ns = get_u64(cursor);
        return true;
    case COMMAND_PROC_KILL:
        command->process_kill.id = get_u32(cursor);
        command->process_kill.signal = get_u32(cursor);
        return true;
    case COMMAND_PROC_CREDIT:
        command->process_credit.id = get_u32(cursor);
        command->process_credit.bytes = get_u64(cursor);
        return true;
    case COMMAND_PROC_STOP:
        command->process_stop.ids = get_u32s(cursor);
        command->process_stop.signal = get_u32(cursor);
        command->process_stop.grace_ns = get_u64(cursor);
        return true;
    case COMMAND_END:
    case COMMAND_LOOP_END:
    case COMMAND_READ_COUNTERS:
    case COMMAND_SCHED_START:
    case COMMAND_SCHED_STOP:
        return true;
    }
    return false;
}

const char *command_name(uint16_t type) {
    switch ((enum command_type)type) {
    case COMMAND_CONFIG:
        return "CONFIG";
    case COMMAND_END:
        return "END";
    case COMMAND_HOLD:
        return "HOLD";
    case COMMAND_STEP_BEGIN:
        return "STEP_BEGIN";
    case COMMAND_STEP_END:
        return "STEP_END";
    case COMMAND_LOOP_BEGIN:
        return "LOOP_BEGIN";
    case COMMAND_LOOP_END:
        return "LOOP_END";
    case COMMAND_MARK:
        return "MARK";
    case COMMAND_CGROUP_CREATE:
        return "CGROUP_CREATE";
    case COMMAND_CGROUP_REMOVE:
        return "CGROUP_REMOVE";
    case COMMAND_CGROUP_WRITE:
        return "CGROUP_WRITE";
    case COMMAND_CGROUP_MOVE_ALL:
        return "CGROUP_MOVE_ALL";
    case COMMAND_CGROUP_MOVE_GROUP:
        return "CGROUP_MOVE_GROUP";
    case COMMAND_CGROUP_READ:
        return "CGROUP_READ";
    case COMMAND_SPAWN:
        return "SPAWN";
    case COMMAND_START:
        return "START";
    case COMMAND_STOP:
        return "STOP";
    case COMMAND_SET_AFFINITY:
        return "SET_AFFINITY";
    case COMMAND_READ_COUNTERS:
        return "READ_COUNTERS";
    case COMMAND_KILL_WORKER:
        return "KILL_WORKER";
    case COMMAND_INTERRUPTS:
        return "INTERRUPTS";
    case COMMAND_START_OFFSETS:
        return "START_OFFSETS";
    case COMMAND_SCHED_CONFIG:
        return "SCHED_CONFIG";
    case COMMAND_SCHED_START:
        return "SCHED_START";
    case COMMAND_SCHED_STOP:
        return "SCHED_STOP";
    case COMMAND_PROC_RUN:
        return "PROC_RUN";
    case COMMAND_PROC_INPUT:
        return "PROC_INPUT";
    case COMMAND_PROC_RESIZE:
        return "PROC_RESIZE";
    case COMMAND_PROC_WAIT:
        return "PROC_WAIT";
    case COMMAND_PROC_KILL:
        return "PROC_KILL";
    case COMMAND_PROC_CREDIT:
        return "PROC_CREDIT";
    case COMMAND_PROC_STOP:
        return "PROC_STOP";
    }
    return "?";
}

bool command_decode(const struct frame *frame, struct arena *arena, struct command *command, char *error,
                    size_t error_size) {
    struct cursor cursor = cursor_of(frame->payload, frame->length, arena);
    *command = (struct command){.type = (enum command_type)frame->type, .seq = frame->seq};
    unsigned long long offset = frame->offset;
    if (!get_fields(&cursor, command)) {
        snprintf(error, error_size, "Frame at offset %llu: type 0x%04X is unknown", offset, frame->type);
        return false;
    }
    get_end(&cursor);
    if (cursor.failed)
        snprintf(error, error_size, "Frame at offset %llu: %s: %s", offset, command_name(frame->type), cursor.error);
    return !cursor.failed;
}
