#include "interrupts.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

// Below the control thread (session/main.c), above all workers except those of SCHED_FIFO priority 97 and more.
enum { PRIORITY = 97 };

struct source {
    uint64_t state, mean_ns;
};

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void *interrupt(void *argument) {
    struct source source = *(struct source *)argument;
    free(argument);
    for (uint64_t at = now_ns();;) {
        at += 1 + next(&source.state) % (2 * source.mean_ns);
        struct timespec until = timespec_of(at);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            ;
        // Missed interrupts are not made up for: that would load a busy CPU even more.
        uint64_t now = now_ns();
        if (now > at + source.mean_ns)
            at = now;
    }
    return NULL;
}

static int start_on(int cpu, uint64_t seed, uint64_t mean_ns) {
    struct sched_param priority = {.sched_priority = PRIORITY};
    struct source *source = malloc(sizeof *source);
    cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
    pthread_attr_t attributes;
    pthread_t thread;
    if (!source || !set) {
        free(source);
        CPU_FREE(set);
        return ENOMEM;
    }
    *source = (struct source){.state = seed ^ (uint64_t)(cpu + 1) << 48, .mean_ns = mean_ns};
    size_t size = CPU_ALLOC_SIZE((size_t)cpu + 1);
    CPU_ZERO_S(size, set);
    CPU_SET_S((size_t)cpu, size, set);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setaffinity_np(&attributes, size, set);
    int error = pthread_create(&thread, &attributes, interrupt, source);
    if (error)
        free(source);
    pthread_attr_destroy(&attributes);
    CPU_FREE(set);
    return error;
}

bool interrupts_start(uint64_t seed, uint64_t mean_ns, struct failure *failure) {
    if (mean_ns == 0)
        return fail_errno(failure, EINVAL, "a mean of 0 ns");
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (int cpu = 0; cpu < cpus; cpu++) {
        int error = start_on(cpu, seed, mean_ns);
        if (error)
            return fail_errno(failure, error, "a thread on CPU %d", cpu);
    }
    return true;
}
