#include "report.h"

#include "wire/event.h"
#include "wire/program.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

struct ending {
    enum exit_kind kind;
    int value;
};

static struct ending ending_of(const struct worker *worker) {
    int status = worker->wait_status;
    bool execed = worker->page->execed != 0;
    if (worker->killed || !worker->dead)
        return (struct ending){EXIT_TIMED_OUT, SIGKILL};
    if (WIFSIGNALED(status)) {
        // An executable that ignores the stop word is stopped by the agent's SIGTERM, which counts as completion.
        if (execed && worker->stop_sent && WTERMSIG(status) == SIGTERM)
            return (struct ending){EXIT_COMPLETED, 0};
        return (struct ending){EXIT_SIGNALED, WTERMSIG(status)};
    }
    if (WEXITSTATUS(status) == 0 && worker->stop_sent && (execed || worker->page->end_ns))
        return (struct ending){EXIT_COMPLETED, 0};
    return (struct ending){EXIT_EXITED, WEXITSTATUS(status)};
}

static const char *op_name(uint32_t op) {
    static const char *const names[] = {
        "?",           "spin",     "yield", "sleep",   "post",      "await",       "pipeWrite", "pipeRead", "walk",
        "matmul",      "map",      "touch", "discard", "fileWrite", "fileRead",    "fileSync",  "setNice",  "setPolicy",
        "setAffinity", "forkExit", "lock",  "unlock",  "repeat",    "forDuration", "cycle",     "roles",    "exec"};
    return names[op < sizeof names / sizeof *names ? op : 0];
}

static void log_troubles(struct channel *channel, const struct group *group, const struct worker *worker) {
    const struct telemetry *page = worker->page;
    if (page->refused_policies)
        event_log(channel, LOG_LEVEL_WARNING, "worker %u of group %u (%s): the kernel refused %u changes of policy",
                  worker->index, group->id, group->label, page->refused_policies);
    if (page->failures)
        event_log(channel, LOG_LEVEL_WARNING, "worker %u of group %u (%s): %u operations failed, the first: %s: %s",
                  worker->index, group->id, group->label, page->failures, op_name(page->failure_op),
                  strerror(page->failure_errno));
    if (!worker->dead)
        event_log(channel, LOG_LEVEL_ERROR, "worker %u of group %u (process %d) did not end after SIGKILL",
                  worker->index, group->id, (int)worker->pid);
}

static uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static void put_migrations(struct buffer *out, const struct telemetry *page) {
    uint64_t kept = page->migration_count < TELEMETRY_MIGRATIONS ? page->migration_count : TELEMETRY_MIGRATIONS;
    put_u64(out, page->migration_count);
    put_u32(out, (uint32_t)kept);
    for (uint64_t i = 0; i < kept; i++) {
        put_u32(out, page->migrations[i].from);
        put_u32(out, page->migrations[i].to);
        put_u64(out, page->migrations[i].time_ns);
    }
}

static void put_numa_pages(struct buffer *out, const struct telemetry *page) {
    size_t gap = put_gap_u32(out);
    uint32_t count = 0;
    for (uint32_t node = 0; node < TELEMETRY_NODES; node++)
        if (page->numa_pages[node]) {
            put_u32(out, node);
            put_u64(out, page->numa_pages[node]);
            count++;
        }
    patch_u32(out, gap, count);
}

static uint32_t kept_latencies(const struct telemetry *page) {
    return page->wake_kept < TELEMETRY_LATENCIES ? page->wake_kept : TELEMETRY_LATENCIES;
}

struct gap {
    uint64_t ns, at_ns;
};

// Returns the longest gap. For a worker that did not reach its end, the gap in which it died counts too.
static struct gap longest_gap(const struct telemetry *page, uint64_t death_ns) {
    struct gap gap = {page->max_gap_ns, page->max_gap_at_ns};
    uint64_t since = page->last_ns > page->start_ns ? page->last_ns : page->start_ns;
    if (page->end_ns || page->start_ns == 0 || page->execed || page->away_until_ns == UINT64_MAX)
        return gap;
    if (page->away_until_ns > since)
        since = page->away_until_ns;
    if (less(death_ns, since) > gap.ns)
        gap = (struct gap){death_ns - since, death_ns};
    return gap;
}

void report_send_numbers(struct channel *channel, const struct group *group, const struct worker *worker) {
    const struct telemetry *page = worker->page;
    struct ending ending = ending_of(worker);
    bool ended = page->end_ns != 0; // the worker recorded its own last numbers
    uint64_t end_ns = ended ? page->end_ns : worker->death_ns;
    const struct telemetry_sched *last = ended ? &page->sched_end : &worker->sched;
    struct gap gap = longest_gap(page, worker->death_ns);
    uint64_t sched_cpu = less(last->cpu_ns, page->sched_start.cpu_ns);
    struct buffer *out = channel_frame(channel, EVENT_WORKER_REPORT);
    put_u32(out, group->id);
    put_u32(out, worker->index);
    put_str(out, group->cgroup);
    put_str(out, group->label);
    put_u32(out, worker->role);
    put_u32(out, (uint32_t)worker->pid);
    put_u64(out, page->work_units);
    put_u64(out, page->iterations);
    put_u64(out, ended ? less(page->cpu_end_ns, page->cpu_start_ns) : page->start_ns ? sched_cpu : 0);
    put_u64(out, page->start_ns ? less(end_ns, page->start_ns) : 0);
    put_u64(out, page->start_ns);
    struct cpumask used;
    memcpy(used.words, page->cpus_used, sizeof used.words);
    put_cpus(out, &used);
    put_migrations(out, page);
    put_u64(out, gap.ns);
    put_u32(out, page->max_gap_cpu);
    put_u64(out, less(gap.at_ns, page->start_ns));
    put_u64(out, page->wake_seen);
    put_u32(out, kept_latencies(page));
    put_u64(out, sched_cpu);
    put_u64(out, less(last->delay_ns, page->sched_start.delay_ns));
    put_u64(out, less(last->times, page->sched_start.times));
    put_numa_pages(out, page);
    put_u64(out, ended ? less(page->migrated_end, page->migrated_start) : 0);
    put_bool(out, ending.kind == EXIT_COMPLETED);
    put_u8(out, (uint8_t)ending.kind);
    put_i32(out, ending.value);
    put_cpus(out, &worker->allowed);
    put_i32(out, worker->nice);
    put_u8(out, worker->policy);
    channel_send(channel);
}

void report_send(struct channel *channel, const struct group *group, const struct worker *worker) {
    log_troubles(channel, group, worker);
    event_latencies(channel, group->id, worker->index, worker->page->latencies, kept_latencies(worker->page));
    report_send_numbers(channel, group, worker);
}
