/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exact.h"

#include "qemu.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

/* How long the main loop waits before it asks the vCPU thread to wait as well once all CPUs are idle. */
enum { TURN_NS = 10 * 1000 * 1000, TURNS = 10 };

static pthread_t main_loop;
static mutex_lock *lock_mutex;
static cond_wait *wait_condition;
static sem_t opened;
/* The vCPU thread has executed instructions; it waits; the main loop asks it to. */
static atomic_bool running, waiting, asked;

/* Only the thread of the vCPUs has a current CPU. */
static bool is_vcpu_thread(void) {
    static __thread void **current;
    if (!current)
        current = qemu.current_cpu();
    return *current && !pthread_equal(pthread_self(), main_loop);
}

/* A machine that ends has no time left that matters. */
static bool ending(void) { return qemu.shutdown_requested() || qemu.reset_requested(); }

static bool main_loop_may_work(void) { return !running || waiting || ending(); }

static void pause_main_loop(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TURN_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    sem_timedwait(&opened, &until);
}

/* Replaces the function with which every thread takes qemu's lock. */
static void lock(void *mutex, const char *file, int line) {
    if (!pthread_equal(pthread_self(), main_loop)) {
        running = running || is_vcpu_thread();
        lock_mutex(mutex, file, line);
        return;
    }
    for (unsigned turn = 1;; turn++) {
        if (main_loop_may_work()) {
            lock_mutex(mutex, file, line);
            if (main_loop_may_work())
                return;
            qemu.unlock_mutex(mutex, file, line);
        }
        asked = asked || turn >= TURNS;
        pause_main_loop();
    }
}

/*
 * The main loop has no current CPU, which determines who is notified of the clock's change, so this clears the current
 * CPU as well.
 */
bool exact_skip_idle(void) {
    void **current = qemu.current_cpu(), *cpu = *current;
    *current = NULL;
    qemu.warp();
    *current = cpu;
    return !qemu.all_cpus_idle();
}

/* Replaces qemu's wait for a condition. The vCPU thread waits when all CPUs are idle, or for the main loop. */
static void wait(void *condition, void *mutex, const char *file, int line) {
    if (!is_vcpu_thread()) {
        wait_condition(condition, mutex, file, line);
        return;
    }
    if (!asked && !ending() && qemu.all_cpus_idle() && exact_skip_idle())
        return;
    asked = false;
    waiting = true;
    sem_post(&opened);
    wait_condition(condition, mutex, file, line);
    waiting = false;
}

void exact_begin(void) {
    main_loop = pthread_self();
    sem_init(&opened, 0, 0);
    lock_mutex = *qemu.lock_function;
    wait_condition = *qemu.cond_wait;
    *qemu.lock_function = lock;
    *qemu.cond_wait = wait;
}
