// A bounds-checked reader of the primitive encodings of docs/protocol.md. The first error sticks: later reads return
// zeroes, so a decoder can check for the error once at the end.
#ifndef KTSTR_CURSOR_H
#define KTSTR_CURSOR_H

#include "arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *data;
    size_t length;
    size_t at;
    struct arena *arena; // holds strings and lists
    bool failed;
    char error[160];
};

struct cursor cursor_of(const void *data, size_t length, struct arena *arena);
void cursor_fail(struct cursor *cursor, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint8_t get_u8(struct cursor *cursor);
uint16_t get_u16(struct cursor *cursor);
uint32_t get_u32(struct cursor *cursor);
int32_t get_i32(struct cursor *cursor);
// Reads at most 2^53 − 1, the largest whole number both ends can hold.
uint64_t get_u64(struct cursor *cursor);
bool get_bool(struct cursor *cursor);
// Copies the string to the arena, NUL-terminated. Rejects NULs inside the string.
const char *get_str(struct cursor *cursor);
const uint8_t *get_bytes(struct cursor *cursor, uint32_t *length);
// Reads the number of items that follow, each of at least `minimum` bytes.
uint32_t get_count(struct cursor *cursor, size_t minimum);

struct cpu_list {
    uint32_t count;
    const uint32_t *cpus; // ascending
};
struct cpu_list get_cpus(struct cursor *cursor);

// Fails if bytes are left over.
void get_end(struct cursor *cursor);

#endif
