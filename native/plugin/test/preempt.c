/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a busy host does, only more often. Preloaded into a qemu, it stops the vCPU thread for a moment before that
 * thread takes qemu's lock, and lets qemu's main loop run meanwhile: often when all CPUs have just become idle, rarely
 * otherwise. The moments are the same in each run of the same instructions. It also lets the host's clock advance by a
 * second whenever it is read. Does nothing else in other programs.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

enum { PAUSE_NS = 200 * 1000, IDLE = 8, BUSY = 5000 };

typedef void mutex_lock(void *mutex, const char *file, int line);

static pthread_t main_loop;
static mutex_lock **hook, *lock;
static void (*notify)(void);
static bool (*all_cpus_idle)(void);

/* A linear congruential generator, for the thread of the vCPUs. */
static uint32_t next(void) {
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static void preempted(void *mutex, const char *file, int line) {
    static __thread void **current;
    if (!current)
        current = dlsym(RTLD_DEFAULT, "current_cpu");
    void *cpu = *current;
    if (cpu && !pthread_equal(pthread_self(), main_loop) && next() % (all_cpus_idle() ? IDLE : BUSY) == 0) {
        /* A thread with a current CPU would end that CPU's turn as well. */
        *current = NULL;
        notify();
        *current = cpu;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    lock(mutex, file, line);
}

__attribute__((constructor)) static void begin(void) {
    hook = dlsym(RTLD_DEFAULT, "qemu_bql_mutex_lock_func");
    notify = dlsym(RTLD_DEFAULT, "qemu_notify_event");
    all_cpus_idle = dlsym(RTLD_DEFAULT, "all_cpu_threads_idle");
    if (!hook || !notify || !all_cpus_idle)
        return;
    main_loop = pthread_self();
    lock = *hook;
    *hook = preempted;
}

/* A clock of the host that another process sets while the machine runs, or a machine that takes much longer. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static struct timespec time;
    (void)zone;
    if (!time.tv_sec)
        clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec++;
    *now = (struct timeval){.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
    return 0;
}
