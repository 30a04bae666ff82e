#include "worker.h"

#include "base/cpumask.h"
#include "futex.h"
#include "interp.h"
#include "procstat.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The handler only exists so that a blocking call returns; the stop word tells what to do.
static void on_stop_signal(int signal) { (void)signal; }

static void set_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop_signal}; // no SA_RESTART
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t none;
    sigaction(SIGUSR1, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_mempolicy(const struct worker_spec *spec) {
    unsigned long nodes[TELEMETRY_NODES / (8 * sizeof(unsigned long))] = {0};
    for (uint32_t i = 0; i < spec->nodes.count; i++) {
        uint32_t node = spec->nodes.items[i];
        if (node >= TELEMETRY_NODES)
            return EINVAL;
        nodes[node / (8 * sizeof *nodes)] |= 1ul << (node % (8 * sizeof *nodes));
    }
    // maxnode counts one more than the bits used (mm/mempolicy.c, get_nodes).
    unsigned long *mask = spec->nodes.count ? nodes : NULL;
    long result = syscall(SYS_set_mempolicy, (int)(spec->mode | spec->mode_flags), mask,
                          mask ? (unsigned long)TELEMETRY_NODES + 1 : 0ul);
    return result < 0 ? errno : 0;
}

static void tell(struct telemetry *page, uint32_t state, int error) {
    page->ready_errno = error;
    __atomic_store_n(&page->ready, state, __ATOMIC_RELEASE);
    futex_wake((_Atomic uint32_t *)&page->ready, 1);
}

static int prepare(const struct worker_start *start, struct interp *interp, struct program *program,
                   struct arena *arena, int placed) {
    char byte, error[160];
    ssize_t got;
    while ((got = read(placed, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (got != 1)
        _exit(1); // the agent gave up the spawn
    close(placed);
    int failed = start->spec->has_mempolicy ? take_mempolicy(start->spec) : 0;
    if (failed)
        return failed;
    const struct spawn_command *command = start->command;
    if (!program_decode(command->program, command->program_length, start->role, arena, program, error, sizeof error))
        return EINVAL; // unexpected: the agent has already decoded it for every role
    interp->program = program;
    return interp_prepare(interp, start->scratch);
}

static void take_baseline(struct telemetry *page) {
    procstat_sched(getpid(), &page->sched_start);
    page->migrated_start = procstat_pages_migrated();
}

static void begin(struct interp *interp, struct cpumask *initial, uint64_t released_ns) {
    struct probe *probe = &interp->probe;
    struct telemetry *page = probe->page;
    cpumask_read(0, initial);
    interp->initial = (cpu_set_t *)initial->words;
    interp->initial_size = sizeof initial->words;
    page->cpu_start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    probe->now = now_ns();
    // The worker has wanted to run since its release, so the time since then is its first gap, however long that is.
    page->start_ns = released_ns ? released_ns : probe->now;
    probe->last = page->start_ns;
    probe->budget = CHECKPOINT_UNITS;
    probe->cpu = current_cpu();
    note_cpu(page, probe->cpu);
    checkpoint_here(probe);
}

static void finish(struct interp *interp) {
    struct telemetry *page = interp->probe.page;
    page->cpu_end_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    page->end_ns = interp->probe.now;
    procstat_sched(getpid(), &page->sched_end);
    page->migrated_end = procstat_pages_migrated();
    procstat_numa_pages(page->numa_pages);
}

// Waits for the start offset. Returns the time from which on the worker wants to run.
static uint64_t wait_offset(const struct probe *probe, uint64_t released_ns) {
    uint64_t begin_ns = released_ns + probe->page->start_offset_ns;
    struct timespec until = timespec_of(begin_ns);
    while (begin_ns > released_ns && !stop_requested(probe) &&
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
    return begin_ns;
}

_Noreturn void worker_main(const struct worker_start *start, int placed) {
    struct telemetry *page = start->page;
    struct arena arena = {0};
    struct program program;
    struct cpumask initial;
    struct interp interp = {
        .probe = {.page = page,
                  // The seed is the same in every run, so that a deterministic guest stays deterministic.
                  .random = ((uint64_t)start->command->group << 32 | start->spec->index) * 2 + 0x9e3779b97f4a7c15ull},
        .channels = start->channels,
        .pipes = start->pipes,
        .telemetry_fd = start->telemetry_fd,
    };
    set_signals();
    // Workers die with the agent, however it ends. It may already have ended before this call.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->agent)
        _exit(1);
    prctl(PR_SET_NAME, start->command->label);
    // The default slack of 50 µs would count as wake latency of every sleep.
    prctl(PR_SET_TIMERSLACK, 1);
    int error = prepare(start, &interp, &program, &arena, placed);
    if (error) {
        tell(page, WORKER_FAILED, error);
        _exit(1);
    }
    take_baseline(page);
    tell(page, WORKER_READY, 0);
    while (atomic_load_explicit(&start->shared->release, memory_order_acquire) == 0 && !stop_requested(&interp.probe))
        futex_wait(&start->shared->release, 0, NULL);
    uint64_t released_ns = atomic_load_explicit(&start->shared->release_ns, memory_order_relaxed);
    begin(&interp, &initial, wait_offset(&interp.probe, released_ns));
    interp_run(&interp);
    finish(&interp);
    _exit(0);
}
