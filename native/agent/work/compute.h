// Primitives that only compute. Each stops early at the checkpoint that sees a stop request.
#ifndef KTSTR_COMPUTE_H
#define KTSTR_COMPUTE_H

#include "probe.h"

void compute_spin(struct probe *probe, uint64_t n);
// Repeats spins of `n` units until the stop request; each spin is an iteration.
void compute_spin_rounds(struct probe *probe, uint32_t n);
void compute_walk(struct probe *probe, uint8_t *memory, uint64_t bytes, uint32_t stride, uint32_t passes);
// `matrix` holds three n × n matrices: product, left, right.
void compute_matmul(struct probe *probe, uint32_t *matrix, uint32_t n, uint32_t reps);

#endif
