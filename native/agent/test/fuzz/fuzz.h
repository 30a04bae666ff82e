// What the targets share: the input as a stream of small choices, and text with a NUL behind it. Every target is one
// file here, and its name that of the executable in build/fuzz; test/fuzz/main.mjs of the project runs them.
#ifndef KTSTR_FUZZ_H
#define KTSTR_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Unlike assert(3) never compiled out.
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            __builtin_trap();                                                                                          \
    } while (0)

// A copy of exactly that size, so that one byte too far is found; the caller frees.
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    MUST(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static inline char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    MUST(text);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
