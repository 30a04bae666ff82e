// Runs work programs in this process and checks what they measured.
#include "check.h"

#include "base/cpumask.h"
#include "wire/program.h"
#include "work/interp.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static void put_op_u64(struct buffer *b, uint8_t op, uint64_t value) {
    put_u8(b, op);
    put_u64(b, value);
}

// Writes the version and an empty setup; the caller writes the `nodes` nodes of the body and then calls finish.
static void begin_program(struct buffer *b, uint32_t nodes) {
    put_u8(b, 1);
    put_u32(b, 0);
    put_u32(b, nodes);
}

struct fixture {
    struct arena arena;
    struct program program;
    struct interp interp;
    struct cpumask initial;
    struct telemetry *page;
    int fd;
    struct shared_spawn *shared;
    int pipes[PROGRAM_CHANNELS][2];
    uint64_t stop_after_ns;
};

static void set_up(struct checks *checks, struct fixture *f, struct buffer *bytes) {
    char error[160] = "";
    *f = (struct fixture){0};
    CHECK(checks, program_decode(bytes->data, bytes->length, 0, &f->arena, &f->program, error, sizeof error));
    CHECK_TEXT(checks, error, "");
    f->page = telemetry_create(&f->fd);
    f->shared = mmap(NULL, shared_size(1, PROGRAM_CHANNELS), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cpumask_read(0, &f->initial);
    f->interp = (struct interp){.program = &f->program,
                                .channels = f->shared->sets,
                                .pipes = f->pipes,
                                .telemetry_fd = f->fd,
                                .initial = (cpu_set_t *)f->initial.words,
                                .initial_size = sizeof f->initial.words};
    f->interp.probe = (struct probe){.page = f->page, .random = 12345, .budget = CHECKPOINT_UNITS};
    CHECK(checks, interp_prepare(&f->interp, "/tmp") == 0);
    f->page->start_ns = f->interp.probe.now = f->interp.probe.last = now_ns();
    f->interp.probe.cpu = current_cpu();
}

static void tear_down(struct fixture *f, struct buffer *bytes) {
    free(f->interp.loops); // in a worker, its exit frees this
    if (f->interp.file >= 0)
        close(f->interp.file);
    if (f->interp.direct_file >= 0)
        close(f->interp.direct_file);
    telemetry_free(f->page);
    close(f->fd);
    munmap(f->shared, shared_size(1, PROGRAM_CHANNELS));
    arena_free(&f->arena);
    buffer_free(bytes);
}

static void *stop_later(void *argument) {
    struct fixture *f = argument;
    struct timespec nap = timespec_of(f->stop_after_ns);
    nanosleep(&nap, NULL);
    __atomic_store_n(&f->page->stop, 1, __ATOMIC_RELEASE);
    return NULL;
}

static uint64_t run_for(struct fixture *f, uint64_t ns) {
    pthread_t thread;
    f->stop_after_ns = ns;
    pthread_create(&thread, NULL, stop_later, f);
    uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    interp_run(&f->interp);
    uint64_t used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    pthread_join(thread, NULL);
    return used;
}

static void spin_counts_units(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 1);
    put_op_u64(&b, OP_SPIN, 1024);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 50000000);
    CHECK(checks, f.page->iterations > 100);
    // A unit is a step, and a stop is only noticed at a checkpoint, so every iteration is complete.
    CHECK(checks, f.page->work_units >= f.page->iterations * 1024);
    CHECK(checks, f.page->work_units <= (f.page->iterations + 1) * 1024);
    CHECK(checks, f.page->max_gap_ns > 0);
    CHECK(checks, f.page->wake_seen == 0);
    tear_down(&f, &b);
}

static void sleep_is_no_gap(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 1);
    put_op_u64(&b, OP_SLEEP, 150000000);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 400000000);
    CHECK(checks, f.page->wake_seen >= 2 && f.page->wake_kept == f.page->wake_seen);
    // The worker is away voluntarily for 150 ms; the rest is the overshoot, which is also the wake latency.
    CHECK(checks, f.page->max_gap_ns < 150000000);
    uint64_t latest = 0;
    for (uint32_t i = 0; i < f.page->wake_kept; i++)
        latest = f.page->latencies[i] > latest ? f.page->latencies[i] : latest;
    CHECK(checks, latest < 150000000 && latest <= f.page->max_gap_ns);
    tear_down(&f, &b);
}

static void loops_and_cycles(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 2);
    // repeat 3 of cycle [spin 1] [spin 10] [spin 100]; then a sleep to slow it down
    put_op_u64(&b, OP_REPEAT, 3);
    put_u32(&b, 1);
    put_u8(&b, OP_CYCLE);
    put_u32(&b, 3);
    for (uint64_t n = 1; n <= 100; n *= 10) {
        put_u32(&b, 1);
        put_op_u64(&b, OP_SPIN, n);
    }
    put_op_u64(&b, OP_SLEEP, 1000000);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 30000000);
    CHECK(checks, f.page->iterations >= 2);
    // Each iteration runs every branch once, and the sleep counts as one unit.
    uint64_t rounds = f.page->work_units / 112;
    CHECK(checks, rounds == f.page->iterations || rounds == f.page->iterations + 1);
    CHECK(checks, f.page->work_units % 112 == 0);
    tear_down(&f, &b);
}

static void for_duration_takes_its_time(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 1);
    put_op_u64(&b, OP_FOR_DURATION, 5000000);
    put_u32(&b, 1);
    put_op_u64(&b, OP_SPIN, 1024);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 52000000);
    CHECK(checks, f.page->iterations >= 1 && f.page->iterations <= 11);
    tear_down(&f, &b);
}

static void post_and_await_alone(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 2);
    put_u8(&b, OP_POST);
    put_u32(&b, 3);
    put_u32(&b, 1);
    put_u8(&b, OP_AWAIT);
    put_u32(&b, 3);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 20000000);
    CHECK(checks, f.page->iterations > 10);
    CHECK(checks, f.page->wake_seen == 0); // the worker never had to wait
    CHECK(checks, f.page->work_units >= 2 * f.page->iterations);
    tear_down(&f, &b);
}

static void files_and_regions(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 6);
    put_op_u64(&b, OP_FILE_WRITE, 65536);
    put_u32(&b, 4096);
    put_u8(&b, OP_FILE_SYNC);
    put_op_u64(&b, OP_FILE_READ, 8192);
    put_u32(&b, 4096);
    put_u64(&b, 65536);
    put_u8(&b, 1);
    put_u8(&b, OP_MAP);
    put_u32(&b, 0);
    put_u64(&b, 1 << 20);
    put_u32(&b, 1);
    put_u8(&b, OP_TOUCH);
    put_u32(&b, 0);
    put_u32(&b, 64);
    put_u8(&b, 1);
    put_u8(&b, OP_DISCARD);
    put_u32(&b, 0);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 50000000);
    CHECK(checks, f.page->iterations > 0);
    CHECK(checks, f.page->failures == 0);
    // 16 blocks written, 1 sync, 2 blocks read, 64 pages
    CHECK(checks, f.page->work_units >= f.page->iterations * 83);
    tear_down(&f, &b);
}

static void ticks_follow_the_clock(struct checks *checks) {
    struct tick_clock clock, none = {0};
    uint64_t last = 0, worst = 0, served = 0;
    tick_open(&clock);
    // For 60 ms; on a busy machine until the counter was calibrated and used often enough.
    for (uint64_t begun = now_ns(), ns = begun;
         ns < begun + (served < 20000 && clock.usable ? 5000000000 : 60000000);) {
        uint64_t before = now_ns();
        ns = tick_ns(&clock, last);
        uint64_t after = now_ns(), away = ns < before ? before - ns : ns > after ? ns - after : 0;
        CHECK(checks, ns >= last);
        worst = away > worst ? away : worst;
        last = ns;
        served += clock.span != 0;
    }
    // If the counter is unusable, the kernel's clock is read directly; either way the result is within a microsecond of
    // it.
    CHECK(checks, worst < 1000);
    CHECK(checks, !clock.usable || served >= 20000);
    printf("interp: ticks %s, at most %llu ns off the clock\n", clock.usable ? "serve" : "do not serve",
           (unsigned long long)worst);
    uint64_t before = now_ns();
    CHECK(checks, tick_ns(&none, 0) >= before && none.span == 0);
    CHECK(checks, tick_ns(&none, UINT64_MAX) == UINT64_MAX);
}

static void failures_are_noted(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    begin_program(&b, 2);
    put_u8(&b, OP_DISCARD);
    put_u32(&b, 5); // nothing is mapped there
    put_op_u64(&b, OP_SLEEP, 1000000);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    run_for(&f, 5000000);
    CHECK(checks, f.page->failures >= f.page->iterations && f.page->failure_op == OP_DISCARD);
    tear_down(&f, &b);
}

static void reservoir_is_uniform(struct checks *checks) {
    int fd;
    struct telemetry *page = telemetry_create(&fd);
    struct probe probe = {.page = page, .random = 99};
    enum { SEEN = 400000 };
    for (uint64_t i = 0; i < SEEN; i++)
        note_latency(&probe, i);
    CHECK(checks, page->wake_seen == SEEN && page->wake_kept == TELEMETRY_LATENCIES);
    double sum = 0;
    for (int i = 0; i < TELEMETRY_LATENCIES; i++)
        sum += (double)page->latencies[i];
    // The mean of 10⁵ uniform draws from [0, 4·10⁵) has a standard error of 365.
    double mean = sum / TELEMETRY_LATENCIES;
    CHECK(checks, mean > SEEN / 2.0 - 2000 && mean < SEEN / 2.0 + 2000);
    telemetry_free(page);
    close(fd);
}

// The cost of the interpreter is printed for the record, and only checked for gross errors because the machine may be
// busy.
static uint64_t plain_loop(uint64_t value, uint64_t steps) {
    for (uint64_t i = 0; i < steps; i++) {
        value = value * 6364136223846793005ull + 1442695040888963407ull;
        __asm__ volatile("" : "+r"(value));
    }
    return value;
}

static void costs(struct checks *checks) {
    struct fixture f;
    struct buffer b = {0};
    double best = 0;
    for (int round = 0; round < 5; round++) {
        begin_program(&b, 1);
        put_op_u64(&b, OP_SPIN, 1024);
        put_u32(&b, 0);
        set_up(checks, &f, &b);
        uint64_t cpu = run_for(&f, 60000000), units = f.page->work_units;
        uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        volatile uint64_t sink = plain_loop(units, units);
        (void)sink;
        uint64_t plain = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
        double ratio = cpu ? (double)plain / (double)cpu : 0;
        best = ratio > best ? ratio : best;
        tear_down(&f, &b);
    }
    printf("interp: spin(1024) runs at %.3f of a plain loop\n", best);
#ifndef __SANITIZE_ADDRESS__ // the sanitizer distorts the cost
    CHECK(checks, best > 0.8);
#endif

    begin_program(&b, 1);
    put_u8(&b, OP_YIELD);
    put_u32(&b, 0);
    set_up(checks, &f, &b);
    uint64_t cpu = run_for(&f, 200000000), count = f.page->iterations, begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++)
        sched_yield();
    uint64_t plain = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++)
        now_ns();
    uint64_t clock = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    printf("interp: a yield costs %.1f ns, the bare call %.1f ns, a clock reading %.1f ns\n",
           (double)cpu / (double)count, (double)plain / (double)count, (double)clock / (double)count);
    CHECK(checks, f.page->wake_seen >= count);
    tear_down(&f, &b);
}

int main(void) {
    struct checks checks = {0};
    spin_counts_units(&checks);
    sleep_is_no_gap(&checks);
    loops_and_cycles(&checks);
    for_duration_takes_its_time(&checks);
    post_and_await_alone(&checks);
    files_and_regions(&checks);
    ticks_follow_the_clock(&checks);
    failures_are_noted(&checks);
    reservoir_is_uniform(&checks);
    costs(&checks);
    return check_end(&checks, "interp");
}
