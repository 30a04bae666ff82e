// Measures the cost of the interpreter compared with C: a SpinWait program against the same loop, a YieldHeavy program
// against the bare call, alternately, compiled with the agent's own flags. Prints the medians as JSON; run by
// test/bench/engine.mjs.
#include "base/buffer.h"
#include "wire/program.h"
#include "work/interp.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ROUNDS = 10, SLICES = 8, SPINS = 1024 };
static const uint64_t spin_ns = 400000000, yield_ns = 50000000;

// Encodes a program whose body is one operation, possibly with an operand.
static struct buffer body_of(uint8_t op, uint64_t operand) {
    struct buffer bytes = {0};
    put_u8(&bytes, 1);
    put_u32(&bytes, 0);
    put_u32(&bytes, 1);
    put_u8(&bytes, op);
    if (operand)
        put_u64(&bytes, operand);
    put_u32(&bytes, 0);
    return bytes;
}

struct timer {
    struct telemetry *page;
    uint64_t ns;
};

static void *stop_later(void *argument) {
    struct timer *timer = argument;
    struct timespec nap = timespec_of(timer->ns);
    nanosleep(&nap, NULL);
    __atomic_store_n(&timer->page->stop, 1, __ATOMIC_RELEASE);
    return NULL;
}

static uint64_t thread_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

// Runs the program for `ns` nanoseconds. Returns its iterations and stores the CPU time that they took.
static uint64_t run_program(uint8_t op, uint64_t operand, uint64_t ns, uint64_t *used_ns) {
    struct buffer bytes = body_of(op, operand);
    struct arena arena = {0};
    struct program program;
    char error[160];
    int fd;
    struct timer timer = {telemetry_create(&fd), ns};
    pthread_t thread;
    if (!timer.page || !program_decode(bytes.data, bytes.length, 0, &arena, &program, error, sizeof error))
        exit(2);
    // A worker touches its pages for the first time only once; these rounds are too short to make that cost negligible.
    memset(timer.page, 0, sizeof *timer.page);
    struct interp interp = {.program = &program,
                            .telemetry_fd = fd,
                            .probe = {.page = timer.page, .random = 12345, .budget = CHECKPOINT_UNITS}};
    if (interp_prepare(&interp, "/tmp") != 0)
        exit(2);
    interp.probe.now = interp.probe.last = timer.page->start_ns = now_ns();
    interp.probe.cpu = current_cpu();
    if (pthread_create(&thread, NULL, stop_later, &timer) != 0)
        exit(2);
    uint64_t begun = thread_ns();
    interp_run(&interp);
    *used_ns = thread_ns() - begun;
    pthread_join(thread, NULL);
    uint64_t iterations = timer.page->iterations;
    telemetry_free(timer.page);
    arena_free(&arena);
    buffer_free(&bytes);
    return iterations;
}

// Does the same as compute_spin without an interpreter.
static __attribute__((noinline)) uint64_t loop(uint64_t value, uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++)
        for (uint64_t step = 0; step < SPINS; step++) {
            value = value * 6364136223846793005ull + 1442695040888963407ull;
            __asm__ volatile("" : "+r"(value));
        }
    return value;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, ascending);
    return (values[ROUNDS / 2 - 1] + values[ROUNDS / 2]) / 2;
}

static double least(double a, double b) { return a < b ? a : b; }

int main(void) {
    double spin[ROUNDS], yield[ROUNDS], bare[ROUNDS];
    uint64_t used;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t iterations = run_program(OP_SPIN, SPINS, spin_ns, &used), begun = thread_ns();
        volatile uint64_t sink = loop(iterations, iterations);
        (void)sink;
        // The ratio of iterations in the same time is the inverse ratio of the times for the same iterations.
        spin[round] = (double)(thread_ns() - begun) / (double)used;
        bare[round] = yield[round] = 1e9;
        // The minimum of several slices: other load on the machine costs either side more than the difference.
        for (int slice = 0; slice < SLICES; slice++) {
            uint64_t yields = run_program(OP_YIELD, 0, yield_ns, &used);
            yield[round] = least(yield[round], (double)used / (double)yields);
            begun = thread_ns();
            for (uint64_t i = 0; i < yields; i++)
                sched_yield();
            bare[round] = least(bare[round], (double)(thread_ns() - begun) / (double)yields);
        }
        yield[round] -= bare[round];
    }
    printf("{\"spin\": %.4f, \"yieldNs\": %.2f, \"bareYieldNs\": %.1f}\n", median(spin), median(yield), median(bare));
    return 0;
}
