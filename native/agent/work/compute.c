#include "compute.h"

// The empty asm makes each step depend on the previous one in a way that the compiler can't fold.
static inline uint64_t spin_steps(uint64_t value, uint64_t steps) {
    for (uint64_t left = steps; left != 0; left--) {
        value = value * 6364136223846793005ull + 1442695040888963407ull;
        __asm__ volatile("" : "+r"(value));
    }
    return value;
}

void compute_spin(struct probe *probe, uint64_t n) {
    while (n > 0) {
        uint32_t steps = n < probe->budget ? (uint32_t)n : probe->budget;
        spin_steps(n, steps);
        n -= steps;
        probe->budget -= steps;
        if (probe->budget == 0) {
            checkpoint(probe);
            if (stop_requested(probe))
                return;
        }
    }
}

// The number of rounds between two checkpoints takes some tens of microseconds, so that the cost of checkpoints is
// negligible while no relevant gap is missed. Each checkpoint at most halves or doubles the number, so an interruption
// costs only a few extra checkpoints.
enum { ROUNDS_MOST = 256 };
static const uint64_t checkpoint_short_ns = 25000, checkpoint_long_ns = 100000;

void compute_spin_rounds(struct probe *probe, uint32_t n) {
    uint32_t rounds = 1;
    uint64_t value = n, begun = call_start(probe);
    do {
        uint32_t done = 0;
        do {
            value = spin_steps(value, n);
            __atomic_store_n(&probe->page->iterations, ++probe->iterations, __ATOMIC_RELAXED);
        } while (++done < rounds && !stop_requested(probe));
        probe->units += (uint64_t)n * done;
        checkpoint(probe);
        uint64_t took = probe->now - begun;
        begun = probe->now;
        if (took < checkpoint_short_ns && rounds < ROUNDS_MOST)
            rounds *= 2;
        else if (took > checkpoint_long_ns && rounds > 1)
            rounds /= 2;
    } while (!stop_requested(probe));
}

void compute_walk(struct probe *probe, uint8_t *memory, uint64_t bytes, uint32_t stride, uint32_t passes) {
    volatile uint8_t *cells = memory;
    for (uint32_t pass = 0; pass < passes; pass++) {
        uint64_t left = (bytes + stride - 1) / stride, at = 0;
        while (left > 0) {
            uint32_t steps = left < probe->budget ? (uint32_t)left : probe->budget;
            for (uint32_t i = 0; i < steps; i++, at += stride)
                cells[at] = (uint8_t)(cells[at] + 1);
            left -= steps;
            probe->budget -= steps;
            if (probe->budget == 0) {
                checkpoint(probe);
                if (stop_requested(probe))
                    return;
            }
        }
    }
}

static void multiply_add_row(uint32_t *restrict product, const uint32_t *restrict row, uint32_t factor, uint32_t n) {
    for (uint32_t column = 0; column < n; column++)
        product[column] += factor * row[column];
}

void compute_matmul(struct probe *probe, uint32_t *matrix, uint32_t n, uint32_t reps) {
    uint32_t *product = matrix, *left = matrix + (uint64_t)n * n, *right = left + (uint64_t)n * n;
    for (uint32_t rep = 0; rep < reps; rep++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < n; k++) {
                multiply_add_row(product + (uint64_t)i * n, right + (uint64_t)k * n, left[(uint64_t)i * n + k], n);
                __asm__ volatile("" : : "r"(product) : "memory");
                if (--probe->budget == 0) {
                    checkpoint(probe);
                    if (stop_requested(probe))
                        return;
                }
            }
}
