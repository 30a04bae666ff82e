#include "blocking.h"

#include "failure_note.h"
#include "futex.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

void blocking_sleep(struct interp *interp, uint64_t ns) {
    struct probe *probe = &interp->probe;
    uint64_t start = call_start(probe), deadline = start + ns;
    struct timespec until = timespec_of(deadline);
    go_away(probe, deadline);
    int result;
    do
        result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    while (result == EINTR && !stop_requested(probe));
    call_end(probe, start, deadline);
    if (result == 0)
        note_latency(probe, probe->now > deadline ? probe->now - deadline : 0);
}

void blocking_post(struct interp *interp, uint32_t index, uint32_t wake) {
    struct shared_word *word = &interp->channels[index].word;
    uint64_t start = call_start(&interp->probe);
    uint32_t next = atomic_load_explicit(&word->value, memory_order_relaxed) + 1;
    atomic_store_explicit(&word->stamps[next % STAMPS], start, memory_order_relaxed);
    atomic_fetch_add_explicit(&word->value, 1, memory_order_release);
    if (wake > 0)
        futex_wake(&word->value, wake);
    call_end(&interp->probe, start, start);
}

void blocking_await(struct interp *interp, uint32_t index) {
    struct shared_word *word = &interp->channels[index].word;
    struct probe *probe = &interp->probe;
    uint64_t start = call_start(probe);
    uint32_t seen = interp->seen[index], value;
    bool waited = false;
    go_away(probe, AWAY_FOR_PARTNER);
    while ((value = atomic_load_explicit(&word->value, memory_order_acquire)) == seen && !stop_requested(probe)) {
        waited = true;
        futex_wait(&word->value, seen, NULL);
    }
    if (value == seen) {
        call_end(probe, start, now_ns()); // the wait was cut short by a stop request
        return;
    }
    // The first post that this worker had not seen made it runnable, not the latest post.
    uint32_t first = value - seen <= STAMPS ? seen + 1 : value;
    uint64_t ready = atomic_load_explicit(&word->stamps[first % STAMPS], memory_order_relaxed);
    interp->seen[index] = value;
    call_end(probe, start, ready);
    if (waited)
        note_latency(probe, probe->now - probe_ready(start, ready, probe->now));
}

// Moves `bytes` through the pipe in either direction. Returns false if stopped or failed.
static bool transfer(struct interp *interp, int fd, uint32_t bytes, bool writing, uint8_t op) {
    uint32_t done = 0;
    while (done < bytes) {
        if (stop_requested(&interp->probe))
            return false;
        ssize_t moved = writing ? write(fd, interp->transfer + done, bytes - done)
                                : read(fd, interp->transfer + done, bytes - done);
        if (moved > 0)
            done += (uint32_t)moved;
        else if (moved == 0 || errno != EINTR) {
            note_failure(interp->probe.page, op, moved == 0 ? EPIPE : errno);
            return false;
        }
    }
    return true;
}

void blocking_pipe_write(struct interp *interp, uint32_t channel, uint32_t bytes) {
    struct shared_pipe *pipe = &interp->channels[channel].pipe;
    uint64_t start = call_start(&interp->probe);
    atomic_store_explicit(&pipe->write_ns, start, memory_order_relaxed);
    go_away(&interp->probe, AWAY_FOR_PARTNER);
    bool done = transfer(interp, interp->pipes[channel][1], bytes, true, OP_PIPE_WRITE);
    uint64_t ready = done ? atomic_load_explicit(&pipe->read_ns, memory_order_relaxed) : now_ns();
    call_end(&interp->probe, start, ready);
}

void blocking_pipe_read(struct interp *interp, uint32_t channel, uint32_t bytes) {
    struct shared_pipe *pipe = &interp->channels[channel].pipe;
    struct probe *probe = &interp->probe;
    uint64_t start = call_start(probe);
    go_away(probe, AWAY_FOR_PARTNER);
    bool done = transfer(interp, interp->pipes[channel][0], bytes, false, OP_PIPE_READ);
    uint64_t ready = done ? atomic_load_explicit(&pipe->write_ns, memory_order_relaxed) : now_ns();
    call_end(probe, start, ready);
    atomic_store_explicit(&pipe->read_ns, probe->now, memory_order_relaxed);
    if (done && ready > start)
        note_latency(probe, probe->now - probe_ready(start, ready, probe->now));
}

void blocking_lock(struct interp *interp, uint32_t index) {
    struct shared_mutex *mutex = &interp->channels[index].mutex;
    struct probe *probe = &interp->probe;
    uint64_t bit = 1ull << index;
    if (interp->held & bit)
        return;
    uint32_t free = 0;
    if (atomic_compare_exchange_strong_explicit(&mutex->state, &free, 1, memory_order_acquire, memory_order_relaxed)) {
        interp->held |= bit;
        if (--probe->budget == 0)
            checkpoint(probe);
        return;
    }
    uint64_t start = call_start(probe);
    go_away(probe, AWAY_FOR_PARTNER);
    while (atomic_exchange_explicit(&mutex->state, 2, memory_order_acquire) != 0) {
        if (stop_requested(probe)) {
            call_end(probe, start, now_ns());
            return;
        }
        futex_wait(&mutex->state, 2, NULL);
    }
    interp->held |= bit;
    uint64_t ready = atomic_load_explicit(&mutex->unlock_ns, memory_order_relaxed);
    call_end(probe, start, ready);
    note_latency(probe, probe->now - probe_ready(start, ready, probe->now));
}

void blocking_unlock(struct interp *interp, uint32_t index) {
    struct shared_mutex *mutex = &interp->channels[index].mutex;
    uint64_t bit = 1ull << index;
    if (!(interp->held & bit))
        return; // a stop request cut the lock short
    interp->held &= ~bit;
    // unlock_ns is only read if another worker waits, but it must be set before the mutex is free.
    if (atomic_load_explicit(&mutex->state, memory_order_relaxed) == 2)
        atomic_store_explicit(&mutex->unlock_ns, now_ns(), memory_order_relaxed);
    if (atomic_exchange_explicit(&mutex->state, 0, memory_order_release) == 2)
        futex_wake(&mutex->state, 1);
}

void blocking_release_all(struct interp *interp) {
    for (uint32_t index = 0; interp->held; index++)
        if (interp->held & (1ull << index))
            blocking_unlock(interp, index);
}

void blocking_fork_exit(struct interp *interp) {
    struct probe *probe = &interp->probe;
    struct telemetry *page = probe->page;
    uint64_t start = call_start(probe);
    pid_t child = fork();
    if (child == 0) {
        page->child_ns = now_ns();
        _exit(0);
    }
    if (child < 0) {
        note_failure(page, OP_FORK_EXIT, errno);
        call_end(probe, start, start);
        return;
    }
    go_away(probe, AWAY_FOR_PARTNER);
    // The child exits by itself, so a stop request is noticed as soon as the wait is over.
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    uint64_t ready = page->child_ns;
    call_end(probe, start, ready);
    note_latency(probe, probe->now - probe_ready(start, ready, probe->now));
}
