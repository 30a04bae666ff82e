#include "execute.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "process/process.h"
#include "scheduler/scheduler.h"
#include "sys/cgroup.h"
#include "sys/interrupts.h"
#include "sys/symbols.h"
#include "wire/event.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_sysctls(const struct agent *agent, const struct command *command, struct failure *failure) {
    if (agent->link.host && command->config.sysctls.count)
        return fail_errno(failure, EPERM, "sysctl %s: those of a host stay as they are",
                          command->config.sysctls.items[0].name);
    for (uint32_t i = 0; i < command->config.sysctls.count; i++) {
        const struct setting *setting = &command->config.sysctls.items[i];
        char path[PATH_MAX];
        if (strstr(setting->name, "..") || setting->name[0] == '/')
            return fail_errno(failure, EINVAL, "sysctl %s", setting->name);
        if (snprintf(path, sizeof path, "/proc/sys/%s", setting->name) >= (int)sizeof path)
            return fail_errno(failure, ENAMETOOLONG, "sysctl %.80s…", setting->name);
        // Accepts both spellings: kernel.sched_x and kernel/sched_x.
        if (!strchr(setting->name, '/'))
            for (char *at = path + strlen("/proc/sys/"); *at; at++)
                *at = *at == '.' ? '/' : *at;
        int error = textfile_write(path, setting->value);
        if (error)
            return fail_errno(failure, error, "%s: \"%s\"", path, setting->value);
    }
    return true;
}

static bool begin_step(struct agent *agent, const struct command *command, struct failure *failure) {
    char *label = strdup(command->step.label);
    if (!label)
        return fail_errno(failure, ENOMEM, "label of step %u", command->step.index);
    free(agent->step_label);
    agent->step_label = label;
    agent->step = command->step.index;
    agent->link.step_count = command->step.count;
    if (!agent->link.first_step_ns)
        agent->link.first_step_ns = now_ns();
    event_step(&agent->link.channel, now_ns(), agent->step, agent->link.step_count, true, agent->step_label);
    return true;
}

static bool end_step(struct agent *agent, const struct command *command, struct failure *failure) {
    if (agent->step == UINT32_MAX || agent->step != command->step.index)
        return fail_text(failure, "step %u is not in progress", command->step.index);
    event_step(&agent->link.channel, now_ns(), agent->step, agent->link.step_count, false, agent->step_label);
    agent->step = UINT32_MAX;
    agent->link.steps_done++;
    return true;
}

static bool move_group(struct agent *agent, uint32_t id, const char *to, struct failure *failure) {
    struct group *group = group_find(&agent->groups, id);
    if (!group)
        return fail_errno(failure, ENOENT, "group %u", id);
    for (uint32_t i = 0; i < group->count; i++)
        if (!group->workers[i].dead && !cgroup_move(&agent->cgroups, to, group->workers[i].pid, failure))
            return false;
    return true;
}

static bool read_cgroup(struct agent *agent, const struct command *command, struct failure *failure) {
    const char *path = command->cgroup_read.path, *file = command->cgroup_read.file;
    char *text = cgroup_read(&agent->cgroups, path, file, failure);
    if (text)
        event_cgroup_file(&agent->link.channel, path, file, text);
    free(text);
    return text != NULL;
}

bool execute(struct agent *agent, const struct command *command, struct failure *failure) {
    struct channel *channel = &agent->link.channel;
    switch (command->type) {
    case COMMAND_CONFIG:
        if (!set_sysctls(agent, command, failure))
            return false;
        symbols_send(channel, &command->config.symbols);
        return true;
    case COMMAND_STEP_BEGIN:
        return begin_step(agent, command, failure);
    case COMMAND_STEP_END:
        return end_step(agent, command, failure);
    case COMMAND_MARK:
        event_stimulus(channel, now_ns(), agent->step, command->mark.kind, command->mark.detail,
                       group_iterations(&agent->groups));
        return true;
    case COMMAND_CGROUP_CREATE:
        return cgroup_create(&agent->cgroups, command->cgroup_create.path, &command->cgroup_create.controllers,
                             failure);
    case COMMAND_CGROUP_REMOVE:
        return cgroup_remove(&agent->cgroups, command->cgroup_remove.path, failure);
    case COMMAND_CGROUP_WRITE:
        return cgroup_write(&agent->cgroups, command->cgroup_write.path, command->cgroup_write.file,
                            command->cgroup_write.value, failure);
    case COMMAND_CGROUP_READ:
        return read_cgroup(agent, command, failure);
    case COMMAND_CGROUP_MOVE_ALL:
        return cgroup_move_all(&agent->cgroups, command->move_all.from, command->move_all.to, failure);
    case COMMAND_CGROUP_MOVE_GROUP:
        return move_group(agent, command->move_group.group, command->move_group.to, failure);
    case COMMAND_SPAWN:
        return group_spawn(&agent->groups, &command->spawn, failure);
    case COMMAND_START:
        return group_start(&agent->groups, &command->groups, failure);
    case COMMAND_STOP:
        return group_stop(&agent->groups, &command->groups, failure);
    case COMMAND_SET_AFFINITY:
        return group_set_affinity(&agent->groups, command, failure);
    case COMMAND_READ_COUNTERS:
        group_send_counters(&agent->groups, now_ns());
        return true;
    case COMMAND_KILL_WORKER:
        return group_kill_worker(&agent->groups, command->kill.group, command->kill.index, command->kill.signal,
                                 failure);
    case COMMAND_INTERRUPTS:
        if (agent->link.host)
            return fail_errno(failure, EPERM, "only in a guest");
        return interrupts_start(command->interrupts.seed, command->interrupts.mean_ns, failure);
    case COMMAND_START_OFFSETS:
        return group_start_offsets(&agent->groups, command->start_offsets.group, &command->start_offsets.ns, failure);
    case COMMAND_SCHED_CONFIG:
        return scheduler_config(&agent->scheduler, &command->scheduler, failure);
    case COMMAND_SCHED_START:
        return scheduler_start(&agent->scheduler, failure);
    case COMMAND_SCHED_STOP:
        return scheduler_stop(&agent->scheduler, failure);
    case COMMAND_PROC_RUN:
        return process_run(&agent->processes, &command->process, failure);
    case COMMAND_PROC_INPUT:
        return process_input(&agent->processes, command->process_input.id, command->process_input.bytes,
                             command->process_input.length, failure);
    case COMMAND_PROC_RESIZE:
        return process_resize(&agent->processes, command->process_resize.id, command->process_resize.rows,
                              command->process_resize.columns, failure);
    case COMMAND_PROC_WAIT:
        return process_wait(&agent->processes, command->process_wait.id, command->process_wait.timeout_ns, failure);
    case COMMAND_PROC_KILL:
        return process_signal(&agent->processes, command->process_kill.id, command->process_kill.signal, failure);
    case COMMAND_PROC_CREDIT:
        return process_credit(&agent->processes, command->process_credit.id, command->process_credit.bytes, failure);
    case COMMAND_PROC_STOP:
        return process_stop(&agent->processes, &command->process_stop, failure);
    case COMMAND_END:
    case COMMAND_HOLD:
    case COMMAND_LOOP_BEGIN:
    case COMMAND_LOOP_END:
        break;
    }
    return fail_errno(failure, ENOTSUP, "only a plan can do this");
}

void execute_name(const struct command *command, struct failure *failure) {
    char subject[192] = "";
    switch (command->type) {
    case COMMAND_CGROUP_CREATE:
        text_print(subject, sizeof subject, " %s", command->cgroup_create.path);
        break;
    case COMMAND_CGROUP_REMOVE:
        text_print(subject, sizeof subject, " %s", command->cgroup_remove.path);
        break;
    case COMMAND_CGROUP_WRITE:
        text_print(subject, sizeof subject, " %s/%s", command->cgroup_write.path, command->cgroup_write.file);
        break;
    case COMMAND_CGROUP_READ:
        text_print(subject, sizeof subject, " %s/%s", command->cgroup_read.path, command->cgroup_read.file);
        break;
    case COMMAND_CGROUP_MOVE_ALL:
        text_print(subject, sizeof subject, " %s to %s", command->move_all.from, command->move_all.to);
        break;
    case COMMAND_CGROUP_MOVE_GROUP:
        text_print(subject, sizeof subject, " %u to %s", command->move_group.group, command->move_group.to);
        break;
    case COMMAND_SPAWN:
        text_print(subject, sizeof subject, " group %u (%s) in %s", command->spawn.group, command->spawn.label,
                   *command->spawn.cgroup ? command->spawn.cgroup : "the root cgroup");
        break;
    case COMMAND_SET_AFFINITY:
        text_print(subject, sizeof subject, " group %u", command->set_affinity.group);
        break;
    case COMMAND_KILL_WORKER:
        text_print(subject, sizeof subject, " group %u worker %u", command->kill.group, command->kill.index);
        break;
    case COMMAND_START_OFFSETS:
        text_print(subject, sizeof subject, " group %u", command->start_offsets.group);
        break;
    case COMMAND_PROC_RUN:
        text_print(subject, sizeof subject, " process %u (%s) in %s", command->process.id,
                   command->process.argv.count ? command->process.argv.items[0] : "",
                   *command->process.cgroup ? command->process.cgroup : "the root cgroup");
        break;
    case COMMAND_PROC_INPUT:
        text_print(subject, sizeof subject, " process %u", command->process_input.id);
        break;
    case COMMAND_PROC_RESIZE:
        text_print(subject, sizeof subject, " process %u", command->process_resize.id);
        break;
    case COMMAND_PROC_WAIT:
        text_print(subject, sizeof subject, " process %u", command->process_wait.id);
        break;
    case COMMAND_PROC_KILL:
        text_print(subject, sizeof subject, " process %u", command->process_kill.id);
        break;
    case COMMAND_PROC_CREDIT:
        text_print(subject, sizeof subject, " process %u", command->process_credit.id);
        break;
    default:
        break;
    }
    text_print(failure->where, sizeof failure->where, "%s%s", command_name((uint16_t)command->type), subject);
}
