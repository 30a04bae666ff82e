#include "group.h"

#include "base/clock.h"
#include "sys/cgroup.h"
#include "wire/event.h"
#include "wire/program.h"
#include "work/procstat.h"
#include "work/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t ready_patience_ns = 5000000000;

// Checks that the program decodes for every role before anything is forked.
static bool check_program(const struct spawn_command *command, struct program *program, struct arena *arena,
                          struct failure *failure) {
    char error[160];
    uint32_t roles = 1;
    uint64_t pipes = 0;
    for (uint32_t role = 0; role < roles; role++) {
        if (!program_decode(command->program, command->program_length, role, arena, program, error, sizeof error))
            return fail_text(failure, "work program: %s", error);
        pipes |= program->pipes;
        roles = program->most_branches > 1 ? program->most_branches : 1;
        if (roles > command->group_size)
            roles = command->group_size;
    }
    program->pipes = pipes;
    if (program->channels > command->channels)
        return fail_text(failure, "the work program uses %u channels, SPAWN says %u", program->channels,
                         command->channels);
    return true;
}

// The default number of process ids of a kernel. A larger count is a typing error, and on a host it would take the
// process ids of everybody else.
enum { WORKERS_MOST = 32768 };

static bool check_command(struct group_table *table, const struct spawn_command *command, struct failure *failure) {
    uint64_t workers = command->count;
    for (const struct group *group = table->first; group; group = group->next)
        workers += group->count;
    if (workers > WORKERS_MOST)
        return fail_errno(failure, EAGAIN, "%llu workers are more than %d", (unsigned long long)workers, WORKERS_MOST);
    if (group_find(table, command->group))
        return fail_errno(failure, EEXIST, "group %u has not been stopped", command->group);
    if (command->group_size == 0 || command->count % command->group_size != 0)
        return fail_text(failure, "%u workers can't be divided into groups of %u", command->count, command->group_size);
    if (command->channels > PROGRAM_CHANNELS)
        return fail_text(failure, "%u channels are more than %d", command->channels, PROGRAM_CHANNELS);
    for (uint32_t i = 0; i < command->count; i++)
        if (command->workers[i].index != i)
            return fail_text(failure, "worker %u has index %u", i, command->workers[i].index);
    return true;
}

void group_free(struct group *group) {
    for (uint32_t i = 0; i < group->count; i++)
        if (group->workers[i].page)
            telemetry_free(group->workers[i].page);
    if (group->shared)
        munmap(group->shared, group->shared_bytes);
    free(group->workers);
    free(group->cgroup);
    free(group->label);
    free(group);
}

static struct group *new_group(const struct spawn_command *command) {
    struct group *group = calloc(1, sizeof *group);
    uint32_t instances = command->count / command->group_size;
    if (!group)
        return NULL;
    *group = (struct group){.id = command->group,
                            .cgroup = strdup(command->cgroup),
                            .label = strdup(command->label),
                            .count = command->count,
                            .workers = calloc(command->count + 1, sizeof *group->workers),
                            .shared_bytes = shared_size(instances, command->channels)};
    group->shared = mmap(NULL, group->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (group->shared == MAP_FAILED)
        group->shared = NULL;
    if (!group->cgroup || !group->label || !group->workers || !group->shared) {
        if (!group->workers)
            group->count = 0;
        group_free(group);
        return NULL;
    }
    group->shared->channels = command->channels;
    return group;
}

static bool open_pipes(int (*pipes)[2], uint32_t channels, uint64_t used) {
    bool good = true;
    for (uint32_t i = 0; i < channels; i++) {
        pipes[i][0] = pipes[i][1] = -1;
        if (good && (used >> i & 1))
            good = pipe2(pipes[i], O_CLOEXEC) == 0;
    }
    return good;
}

static void close_pipes(int (*pipes)[2], uint32_t channels) {
    for (uint32_t i = 0; i < channels; i++)
        for (int end = 0; end < 2; end++)
            if (pipes[i][end] >= 0)
                close(pipes[i][end]);
}

// The argument of sched_setattr(2) (include/uapi/linux/sched/types.h, first version); glibc 2.36 does not declare it.
struct sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static int apply_policy(pid_t pid, const struct worker_spec *spec) {
    if (spec->policy == 0 && spec->nice == 0)
        return 0;
    struct sched_attributes attributes = {
        .size = sizeof attributes, .policy = spec->policy, .nice = spec->nice, .priority = spec->priority};
    if (syscall(SYS_sched_setattr, pid, &attributes, 0) < 0)
        return errno;
    // For real-time policies the nice value only counts after the worker has left the policy.
    return spec->nice && setpriority(PRIO_PROCESS, (id_t)pid, spec->nice) < 0 ? errno : 0;
}

static bool check_nodes(const struct group_table *table, const struct group *group, const struct worker_spec *spec,
                        struct failure *failure) {
    struct cpumask nodes = {0};
    struct failure absent;
    char *text = cgroup_read(table->cgroups, group->cgroup, "cpuset.mems.effective", &absent);
    if (!text)
        return true; // without a cpuset only the kernel's own check applies
    bool good = true;
    text[strcspn(text, "\n")] = 0;
    cpulist_parse(text, &nodes);
    for (uint32_t i = 0; good && i < spec->nodes.count; i++) {
        uint32_t node = spec->nodes.items[i];
        if (node >= TELEMETRY_NODES || !(nodes.words[node / 64] >> (node % 64) & 1))
            good = fail_errno(failure, EINVAL, "memory policy of worker %u: node %u is not in the cgroup's %s",
                              spec->index, node, text);
    }
    free(text);
    return good;
}

static bool place(struct group_table *table, struct group *group, const struct worker_spec *spec, pid_t pid,
                  struct failure *failure) {
    char text[128];
    struct cpumask mask;
    if ((group->cgroup[0] || table->link->host) && !cgroup_move(table->cgroups, group->cgroup, pid, failure))
        return false;
    if (spec->has_affinity) {
        if (!cpumask_of(spec->affinity, &mask))
            return fail_errno(failure, EINVAL, "affinity of worker %u: a CPU is over %d", spec->index,
                              CPUMASK_CPUS - 1);
        if (spec->affinity.count == 0)
            mask = cpumask_all();
        int error = cpumask_apply(pid, &mask);
        cpumask_text(&mask, text, sizeof text);
        if (error)
            return fail_errno(failure, error, "affinity %s of worker %u", text, spec->index);
    }
    int error = apply_policy(pid, spec);
    if (error)
        return fail_errno(failure, error, "policy %u priority %u nice %d of worker %u", spec->policy, spec->priority,
                          spec->nice, spec->index);
    return !spec->has_mempolicy || check_nodes(table, group, spec, failure);
}

static bool fork_worker(struct group_table *table, struct group *group, const struct spawn_command *command,
                        uint32_t index, int (*pipes)[2], struct failure *failure) {
    struct worker *worker = &group->workers[index];
    uint32_t instance = index / command->group_size;
    int telemetry_fd, placed[2];
    *worker = (struct worker){.index = index, .role = index % command->group_size, .dead = true};
    worker->page = telemetry_create(&telemetry_fd);
    if (!worker->page)
        return fail_errno(failure, errno, "telemetry page of worker %u", index);
    if (pipe2(placed, O_CLOEXEC) < 0) {
        int error = errno;
        close(telemetry_fd);
        return fail_errno(failure, error, "pipe of worker %u", index);
    }
    struct worker_start start = {.command = command,
                                 .spec = &command->workers[index],
                                 .role = worker->role,
                                 .page = worker->page,
                                 .telemetry_fd = telemetry_fd,
                                 .shared = group->shared,
                                 .channels = group->shared->sets + (size_t)instance * command->channels,
                                 .pipes = pipes,
                                 .scratch = table->link->scratch,
                                 .agent = getpid()};
    pid_t pid = fork();
    if (pid == 0) {
        close(placed[1]);
        setpgid(0, 0);
        worker_main(&start, placed[0]);
    }
    int error = errno;
    close(placed[0]);
    close(telemetry_fd);
    bool good;
    if (pid < 0)
        good = fail_errno(failure, error, "fork of worker %u", index);
    else {
        setpgid(pid, pid); // parent and child both set the group, so that it is set from here on
        worker->pid = pid;
        worker->dead = false;
        good = place(table, group, start.spec, pid, failure);
    }
    if (good && write(placed[1], "", 1) != 1)
        good = fail_errno(failure, errno, "release of worker %u", index);
    close(placed[1]);
    return good;
}

static bool fork_all(struct group_table *table, struct group *group, const struct spawn_command *command,
                     uint64_t pipes_used, struct failure *failure) {
    int pipes[PROGRAM_CHANNELS][2];
    for (uint32_t first = 0; first < command->count; first += command->group_size) {
        bool good = open_pipes(pipes, command->channels, pipes_used) ||
                    fail_errno(failure, errno, "pipes of worker %u's group", first);
        for (uint32_t i = first; good && i < first + command->group_size; i++)
            good = fork_worker(table, group, command, i, pipes, failure);
        close_pipes(pipes, command->channels);
        if (!good)
            return false;
    }
    return true;
}

uint32_t group_ready(const struct group *group) {
    uint32_t ready = 0;
    for (uint32_t i = 0; i < group->count; i++)
        ready += __atomic_load_n(&group->workers[i].page->ready, __ATOMIC_ACQUIRE) == WORKER_READY;
    return ready;
}

static bool fail_unready(const struct group *group, uint32_t index, struct failure *failure) {
    unsigned cpu;
    bool runnable = procstat_runnable(group->workers[index].pid, &cpu);
    fail_text(failure, "workers were never ready: %u of %u after 5 s; worker %u %s", group_ready(group), group->count,
              index, runnable ? "is runnable and gets no CPU" : "waits");
    return fail_late(failure, ready_patience_ns);
}

// Waits until every worker has completed its set-up. Returns false if one fails, dies or takes too long.
static bool await_ready(struct group_table *table, struct group *group, struct failure *failure) {
    uint64_t limit = now_ns() + ready_patience_ns;
    for (uint32_t i = 0; i < group->count; i++) {
        struct worker *worker = &group->workers[i];
        uint32_t state;
        while ((state = __atomic_load_n(&worker->page->ready, __ATOMIC_ACQUIRE)) == WORKER_UNBORN) {
            if (worker->dead)
                return fail_text(failure, "worker %u died before it was ready (wait status 0x%x)", i,
                                 (unsigned)worker->wait_status);
            if (now_ns() > limit)
                return fail_unready(group, i, failure);
            // Once the run is over link_wait does not wait, and this loop would starve the workers of lower priority
            // that it waits for.
            enum wait_result why = link_wait(table->link, now_ns() + 200000);
            if (why >= WAIT_DEADLINE)
                return link_ended(table->link, why, failure);
        }
        if (state == WORKER_FAILED)
            return fail_errno(failure, worker->page->ready_errno, "set-up of worker %u", i);
    }
    return true;
}

// Removes everything that a failed spawn created.
static void undo(struct group_table *table, struct group *group) {
    for (uint32_t i = 0; i < group->count; i++)
        if (group->workers[i].pid > 0 && !group->workers[i].dead) {
            group->workers[i].stop_sent = true;
            kill(group->workers[i].pid, SIGKILL);
        }
    uint64_t limit = now_ns() + ready_patience_ns;
    bool alive = true;
    while (alive && now_ns() < limit) {
        alive = false;
        group_bury(table);
        for (uint32_t i = 0; i < group->count; i++)
            alive |= group->workers[i].pid > 0 && !group->workers[i].dead;
        if (alive)
            link_nap(table->link, 1000000);
    }
    table->first = group->next;
    group_free(group);
}

bool group_spawn(struct group_table *table, const struct spawn_command *command, struct failure *failure) {
    struct arena arena = {0};
    struct program program;
    bool good = check_command(table, command, failure) && check_program(command, &program, &arena, failure);
    struct group *group = good ? new_group(command) : NULL;
    if (good && !group)
        good = fail_errno(failure, ENOMEM, "%u workers", command->count);
    if (good) {
        // The group is listed from the start, so that a child that dies at once is found.
        group->next = table->first;
        table->first = group;
        group->spawned_ns = now_ns();
        good = fork_all(table, group, command, program.pipes, failure) && await_ready(table, group, failure);
        if (!good)
            undo(table, group);
    }
    arena_free(&arena);
    return good;
}
