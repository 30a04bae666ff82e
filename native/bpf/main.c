/* SPDX-License-Identifier: GPL-2.0 */
/* The user-space half: sets the knobs, loads and attaches the BPF half, and waits for its end. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "knobs.h"
#include "llc.h"
#include "options.h"
#include "sched_ext_ops.h"
#include "widen.h"

#define POLL_NS 50000000
/* kernel/sched/ext.c: exit requested by user space; first kind that is an error; bit of the exit code that requests a
 * restart. */
#define SCX_EXIT_UNREG 64
#define SCX_EXIT_ERROR 1024
#define SCX_ECODE_ACT_RESTART (1ll << 48)

/* scheduler.bpf.o, embedded by bpf_object.S. */
extern const char bpf_object_start[], bpf_object_end[];

static volatile sig_atomic_t stop_requested;
static bool verbose;

struct scheduler {
    struct bpf_object *object;
    struct bpf_link *link;
    const struct exit_report *report;
};

static void on_signal(int signal) {
    (void)signal;
    stop_requested = 1;
}

static int print_message(enum libbpf_print_level level, const char *format, va_list args) {
    return level == LIBBPF_DEBUG && !verbose ? 0 : vfprintf(stderr, format, args);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Sleeps; a signal ends the sleep early. */
static void rest(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static void *section(struct bpf_object *object, const char *name, size_t size) {
    struct bpf_map *map = bpf_object__find_map_by_name(object, name);
    size_t has = 0;
    void *data = map ? bpf_map__initial_value(map, &has) : NULL;
    if (data && has >= size)
        return data;
    fprintf(stderr, "scx_ktstr: the BPF object has no %s of %zu bytes: rebuild it (make clean all)\n", name, size);
    exit(1);
}

/* Sets everything that must be known before the verifier sees the programs. */
static void configure(struct bpf_object *object, const struct options *options) {
    struct knobs knobs = options->knobs;
    unsigned short queue_of[MAX_CPUS] = {0};
    int cpus = libbpf_num_possible_cpus();
    knobs.cpus = cpus < 1 ? 1 : cpus > MAX_CPUS ? MAX_CPUS : cpus;
    knobs.queues = options->per_llc ? number_llcs(knobs.cpus, MAX_LLCS, queue_of) : 1;
    memcpy(section(object, ".rodata.knobs", sizeof knobs), &knobs, sizeof knobs);
    memcpy(section(object, ".rodata.queue_of", sizeof queue_of), queue_of, sizeof queue_of);
    struct sched_ext_ops *ops = section(object, "ktstr_ops", sizeof *ops);
    ops->timeout_ms = options->watchdog_ms;
    /* A scheduler that withholds the CPU must also withhold it from tasks that run alone. */
    if (knobs.stall_after_ns || knobs.degrade_ns)
        ops->flags |= SCX_OPS_ENQ_LAST;
}

static void unload(struct scheduler *scheduler) {
    bpf_link__destroy(scheduler->link);
    bpf_object__close(scheduler->object);
}

static bool load(struct scheduler *scheduler, const struct options *options) {
    *scheduler = (struct scheduler){0};
    LIBBPF_OPTS(bpf_object_open_opts, open, .object_name = "scx_ktstr");
    scheduler->object = bpf_object__open_mem(bpf_object_start, bpf_object_end - bpf_object_start, &open);
    if (!scheduler->object) {
        fprintf(stderr, "scx_ktstr: cannot open the BPF object: %s\n", strerror(errno));
        return false;
    }
    configure(scheduler->object, options);
    if (bpf_object__load(scheduler->object) < 0) {
        const char *remedy = access("/sys/kernel/sched_ext", F_OK) == 0
                                 ? "see the messages above"
                                 : "this kernel has no sched_ext (CONFIG_SCHED_CLASS_EXT, 6.12 and later)";
        fprintf(stderr, "scx_ktstr: cannot load the scheduler: %s; %s\n", strerror(errno), remedy);
        return false;
    }
    int data = bpf_object__find_map_fd_by_name(scheduler->object, ".data.exit");
    scheduler->report = mmap(NULL, sizeof *scheduler->report, PROT_READ, MAP_SHARED, data, 0);
    if (scheduler->report != MAP_FAILED)
        return true;
    fprintf(stderr, "scx_ktstr: cannot map the exit report: %s\n", strerror(errno));
    return false;
}

static bool attach(struct scheduler *scheduler) {
    scheduler->link = bpf_map__attach_struct_ops(bpf_object__find_map_by_name(scheduler->object, "ktstr_ops"));
    if (scheduler->link)
        return true;
    const char *why = errno == EBUSY ? "another sched_ext scheduler is attached" : strerror(errno);
    fprintf(stderr, "scx_ktstr: cannot attach the scheduler: %s\n", why);
    return false;
}

static void print_statistics(const struct scheduler *scheduler) {
    static const char *const names[COUNTERS] = {"idle", "queued", "stolen"};
    int map = bpf_object__find_map_fd_by_name(scheduler->object, "counters");
    int cpus = libbpf_num_possible_cpus();
    __u64 *values = calloc(cpus > 0 ? cpus : 1, sizeof *values);
    if (!values)
        return;
    for (__u32 counter = 0; counter < COUNTERS; counter++) {
        __u64 sum = 0;
        if (bpf_map_lookup_elem(map, &counter, values) == 0)
            for (int cpu = 0; cpu < cpus; cpu++)
                sum += values[cpu];
        printf("%s%s=%llu", counter ? " " : "", names[counter], sum);
    }
    puts("");
    fflush(stdout);
    free(values);
}

static __u32 exit_kind(const struct scheduler *scheduler) {
    return __atomic_load_n(&scheduler->report->kind, __ATOMIC_ACQUIRE);
}

/* Waits until the kernel ends the scheduler, a signal arrives, or its time is over. */
static void watch(const struct scheduler *scheduler, const struct options *options) {
    double attached = now();
    double next_statistics = attached + options->statistics_every;
    while (!stop_requested && exit_kind(scheduler) == 0) {
        if (options->exit_after && now() - attached >= options->exit_after)
            return;
        if (options->statistics_every && now() >= next_statistics) {
            print_statistics(scheduler);
            next_statistics += options->statistics_every;
        }
        if (options->widen_cpusets)
            widen_cpusets();
        rest(POLL_NS / 1e9);
    }
}

static void print_report(const struct exit_report *report) {
    if (report->dump[0])
        fprintf(stderr, "--- sched_ext dump ---\n%s\n--- end of dump ---\n", report->dump);
    fprintf(stderr, "scx_ktstr: ended by the kernel: kind %u, %s%s%s%s\n", report->kind, report->reason,
            report->message[0] ? " (" : "", report->message, report->message[0] ? ")" : "");
}

/* Runs the scheduler once. Returns the exit code, or -1 if the kernel requests a restart, as after CPU hotplug. */
static int serve(const struct options *options) {
    struct scheduler scheduler;
    if (!load(&scheduler, options)) {
        unload(&scheduler);
        return 1;
    }
    if (options->slow_start)
        rest(options->slow_start);
    if (stop_requested || !attach(&scheduler)) {
        unload(&scheduler);
        return stop_requested ? 0 : 1;
    }
    const char *queues = options->per_llc ? "a queue for each LLC" : "one queue";
    printf("scx_ktstr: attached, %s, slice %llu us\n", queues, options->knobs.slice_ns / 1000);
    fflush(stdout);
    watch(&scheduler, options);
    __u32 kind = exit_kind(&scheduler);
    bool again = kind && !stop_requested && scheduler.report->code & SCX_ECODE_ACT_RESTART;
    if (kind && kind != SCX_EXIT_UNREG)
        print_report(scheduler.report);
    bool stopped = kind == 0;
    munmap((void *)scheduler.report, sizeof *scheduler.report);
    unload(&scheduler);
    if (again)
        return -1;
    if (stopped)
        puts("scx_ktstr: detached");
    return stopped ? (stop_requested ? 0 : options->exit_code) : 1;
}

int main(int argc, char **argv) {
    struct options options;
    read_options(argc, argv, &options);
    verbose = options.verbose;
    libbpf_set_print(print_message);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int code;
    do
        code = serve(&options);
    while (code < 0);
    return code;
}
