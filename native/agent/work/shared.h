// Memory that the workers of a spawn share: the release word, and per group instance its words, mutexes and pipe
// stamps.
#ifndef KTSTR_SHARED_H
#define KTSTR_SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { STAMPS = 64 };

// A futex word. The post that set it to n stored its time in stamps[n mod STAMPS].
struct shared_word {
    _Alignas(64) _Atomic uint32_t value;
    _Atomic uint64_t stamps[STAMPS];
};

// State 0: free, 1: held, 2: held with waiters.
struct shared_mutex {
    _Alignas(64) _Atomic uint32_t state;
    _Atomic uint64_t unlock_ns;
};

struct shared_pipe {
    _Alignas(64) _Atomic uint64_t write_ns;
    _Atomic uint64_t read_ns;
};

struct channel_set {
    struct shared_word word;
    struct shared_mutex mutex;
    struct shared_pipe pipe;
};

struct shared_spawn {
    _Alignas(64) _Atomic uint32_t release; // futex: 1 once the group has started
    _Atomic uint64_t release_ns;           // time of the release; valid once `release` is 1
    uint32_t channels;
    struct channel_set sets[]; // channels of instance 0, then of instance 1, …
};

static inline size_t shared_size(uint32_t instances, uint32_t channels) {
    return sizeof(struct shared_spawn) + (size_t)instances * channels * sizeof(struct channel_set);
}

#endif
