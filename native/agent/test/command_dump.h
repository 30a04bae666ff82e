// Formats the canonical text of a command, as in core/test/guest/vectors.ts.
#ifndef KTSTR_TEST_COMMAND_DUMP_H
#define KTSTR_TEST_COMMAND_DUMP_H

#include "wire/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    char *data;
    size_t length, capacity;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t needed = (size_t)vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (text->length + needed + 1 > text->capacity)
        text->data = realloc(text->data, text->capacity = (text->length + needed + 1) * 2);
    vsnprintf(text->data + text->length, needed + 1, format, arguments);
    text->length += needed;
    va_end(arguments);
}

static void say_str(struct text *text, const char *string) {
    say(text, "\"");
    for (; *string; string++)
        say(text, *string == '"' || *string == '\\' ? "\\%c" : "%c", *string);
    say(text, "\"");
}

static void say_u32s(struct text *text, const uint32_t *items, uint32_t count) {
    say(text, "[");
    for (uint32_t i = 0; i < count; i++)
        say(text, "%s%u", i ? "," : "", items[i]);
    say(text, "]");
}

static void say_strs(struct text *text, const struct str_list *list) {
    say(text, "[");
    for (uint32_t i = 0; i < list->count; i++) {
        say(text, "%s", i ? "," : "");
        say_str(text, list->items[i]);
    }
    say(text, "]");
}

static void say_field_str(struct text *text, const char *name, const char *value) {
    say(text, "%s=", name);
    say_str(text, value);
}

static void say_settings(struct text *text, const struct setting_list *list) {
    say(text, "[");
    for (uint32_t i = 0; i < list->count; i++) {
        say(text, "%s{", i ? "," : "");
        say_field_str(text, "name", list->items[i].name);
        say_field_str(text, ",value", list->items[i].value);
        say(text, "}");
    }
    say(text, "]");
}

static void say_hex(struct text *text, const uint8_t *bytes, uint32_t length) {
    say(text, "hex:");
    for (uint32_t i = 0; i < length; i++)
        say(text, "%02x", bytes[i]);
}

static const char *say_bool(bool value) { return value ? "true" : "false"; }

static void dump_worker(struct text *text, const struct worker_spec *worker) {
    say(text, "{index=%u,affinity=", worker->index);
    if (worker->has_affinity)
        say_u32s(text, worker->affinity.cpus, worker->affinity.count);
    else
        say(text, "none");
    say(text, ",policy=%u,priority=%u,nice=%d,memPolicy=", worker->policy, worker->priority, worker->nice);
    if (worker->has_mempolicy) {
        say(text, "{mode=%u,flags=%u,nodes=", worker->mode, worker->mode_flags);
        say_u32s(text, worker->nodes.items, worker->nodes.count);
        say(text, "}");
    } else
        say(text, "none");
    say(text, "}");
}

static void dump_spawn(struct text *text, const struct spawn_command *spawn) {
    say(text, "Spawn{group=%u,", spawn->group);
    say_field_str(text, "cgroup", spawn->cgroup);
    say_field_str(text, ",label", spawn->label);
    say(text, ",groupSize=%u,channels=%u,program=", spawn->group_size, spawn->channels);
    say_hex(text, spawn->program, spawn->program_length);
    say(text, ",workers=[");
    for (uint32_t i = 0; i < spawn->count; i++) {
        say(text, "%s", i ? "," : "");
        dump_worker(text, &spawn->workers[i]);
    }
    say(text, "]");
}

static void dump_config(struct text *text, const struct command *command) {
    say(text, "Config{symbols=");
    say_strs(text, &command->config.symbols);
    say(text, ",sysctls=");
    say_settings(text, &command->config.sysctls);
}

static void dump_affinity(struct text *text, const struct command *command) {
    say(text, "SetAffinity{group=%u,cpus=[", command->set_affinity.group);
    for (uint32_t i = 0; i < command->set_affinity.count; i++) {
        say(text, "%s", i ? "," : "");
        say_u32s(text, command->set_affinity.cpus[i].cpus, command->set_affinity.cpus[i].count);
    }
    say(text, "]");
}

static void dump_scheduler(struct text *text, const struct scheduler_command *scheduler) {
    say(text, "SchedConfig{");
    say_field_str(text, "name", scheduler->name);
    say(text, ",builtin=%s,start=", say_bool(scheduler->builtin));
    say_strs(text, &scheduler->start);
    say(text, ",stop=");
    say_strs(text, &scheduler->stop);
    say(text, ",startTimeoutNs=%" PRIu64 ",watchdogNs=%" PRIu64 ",timeoutMs=%u", scheduler->start_timeout_ns,
        scheduler->watchdog_ns, scheduler->timeout_ms);
}

static void dump_process(struct text *text, const struct process_command *process) {
    say(text, "ProcRun{id=%u,", process->id);
    say_field_str(text, "cgroup", process->cgroup);
    say(text, ",argv=");
    say_strs(text, &process->argv);
    say(text, ",environment=");
    say_settings(text, &process->environment);
    say_field_str(text, ",directory", process->directory);
    if (process->has_terminal)
        say(text, ",terminal={rows=%u,columns=%u}", process->rows, process->columns);
    else
        say(text, ",terminal=none");
    say(text, ",input=%s,deadlineNs=%" PRIu64 ",credit=%" PRIu64 ",paced=%s", say_bool(process->input),
        process->deadline_ns, process->credit, say_bool(process->paced));
}

static void dump(struct text *text, const struct command *c) {
    text->length = 0;
    switch (c->type) {
    case COMMAND_CONFIG:
        dump_config(text, c);
        break;
    case COMMAND_END:
        say(text, "End{");
        break;
    case COMMAND_HOLD:
        say(text, "Hold{ns=%" PRIu64, c->hold.ns);
        break;
    case COMMAND_STEP_BEGIN:
        say(text, "StepBegin{index=%u,count=%u,", c->step.index, c->step.count);
        say_field_str(text, "label", c->step.label);
        break;
    case COMMAND_STEP_END:
        say(text, "StepEnd{index=%u", c->step.index);
        break;
    case COMMAND_LOOP_BEGIN:
        say(text, "LoopBegin{totalNs=%" PRIu64 ",intervalNs=%" PRIu64, c->loop.total_ns, c->loop.interval_ns);
        break;
    case COMMAND_LOOP_END:
        say(text, "LoopEnd{");
        break;
    case COMMAND_MARK:
        say(text, "Mark{");
        say_field_str(text, "kind", c->mark.kind);
        say_field_str(text, ",detail", c->mark.detail);
        break;
    case COMMAND_CGROUP_CREATE:
        say(text, "CgroupCreate{");
        say_field_str(text, "path", c->cgroup_create.path);
        say(text, ",controllers=");
        say_strs(text, &c->cgroup_create.controllers);
        break;
    case COMMAND_CGROUP_REMOVE:
        say(text, "CgroupRemove{");
        say_field_str(text, "path", c->cgroup_remove.path);
        break;
    case COMMAND_CGROUP_WRITE:
        say(text, "CgroupWrite{");
        say_field_str(text, "path", c->cgroup_write.path);
        say_field_str(text, ",file", c->cgroup_write.file);
        say_field_str(text, ",value", c->cgroup_write.value);
        break;
    case COMMAND_CGROUP_READ:
        say(text, "CgroupRead{");
        say_field_str(text, "path", c->cgroup_read.path);
        say_field_str(text, ",file", c->cgroup_read.file);
        break;
    case COMMAND_CGROUP_MOVE_ALL:
        say(text, "CgroupMoveAll{");
        say_field_str(text, "from", c->move_all.from);
        say_field_str(text, ",to", c->move_all.to);
        break;
    case COMMAND_CGROUP_MOVE_GROUP:
        say(text, "CgroupMoveGroup{group=%u,", c->move_group.group);
        say_field_str(text, "to", c->move_group.to);
        break;
    case COMMAND_SPAWN:
        dump_spawn(text, &c->spawn);
        break;
    case COMMAND_START:
    case COMMAND_STOP:
        say(text, "%s{groups=", c->type == COMMAND_START ? "Start" : "Stop");
        say_u32s(text, c->groups.items, c->groups.count);
        break;
    case COMMAND_SET_AFFINITY:
        dump_affinity(text, c);
        break;
    case COMMAND_READ_COUNTERS:
        say(text, "ReadCounters{");
        break;
    case COMMAND_KILL_WORKER:
        say(text, "KillWorker{group=%u,index=%u,signal=%u", c->kill.group, c->kill.index, c->kill.signal);
        break;
    case COMMAND_START_OFFSETS:
        say(text, "StartOffsets{group=%u,ns=", c->start_offsets.group);
        say_u32s(text, c->start_offsets.ns.items, c->start_offsets.ns.count);
        break;
    case COMMAND_INTERRUPTS:
        say(text, "Interrupts{seed=%llu,meanNs=%llu", (unsigned long long)c->interrupts.seed,
            (unsigned long long)c->interrupts.mean_ns);
        break;
    case COMMAND_SCHED_CONFIG:
        dump_scheduler(text, &c->scheduler);
        break;
    case COMMAND_SCHED_START:
        say(text, "SchedStart{");
        break;
    case COMMAND_SCHED_STOP:
        say(text, "SchedStop{");
        break;
    case COMMAND_PROC_RUN:
        dump_process(text, &c->process);
        break;
    case COMMAND_PROC_INPUT:
        say(text, "ProcInput{id=%u,bytes=", c->process_input.id);
        say_hex(text, c->process_input.bytes, c->process_input.length);
        break;
    case COMMAND_PROC_RESIZE:
        say(text, "ProcResize{id=%u,rows=%u,columns=%u", c->process_resize.id, c->process_resize.rows,
            c->process_resize.columns);
        break;
    case COMMAND_PROC_WAIT:
        say(text, "ProcWait{id=%u,timeoutNs=%" PRIu64, c->process_wait.id, c->process_wait.timeout_ns);
        break;
    case COMMAND_PROC_KILL:
        say(text, "ProcKill{id=%u,signal=%u", c->process_kill.id, c->process_kill.signal);
        break;
    case COMMAND_PROC_CREDIT:
        say(text, "ProcCredit{id=%u,bytes=%" PRIu64, c->process_credit.id, c->process_credit.bytes);
        break;
    case COMMAND_PROC_STOP:
        say(text, "ProcStop{ids=");
        say_u32s(text, c->process_stop.ids.items, c->process_stop.ids.count);
        say(text, ",signal=%u,graceNs=%" PRIu64, c->process_stop.signal, c->process_stop.grace_ns);
        break;
    }
    say(text, "}");
}

#endif
