// Work programs, decoded from the bytes of SPAWN into a flat array of instructions for one role.
#ifndef KTSTR_PROGRAM_H
#define KTSTR_PROGRAM_H

#include "base/cursor.h"

// The first 26 are the opcodes of docs/protocol.md; control structures are lowered to the ones after them.
enum op {
    OP_SPIN = 1,
    OP_YIELD,
    OP_SLEEP,
    OP_POST,
    OP_AWAIT,
    OP_PIPE_WRITE,
    OP_PIPE_READ,
    OP_WALK,
    OP_MATMUL,
    OP_MAP,
    OP_TOUCH,
    OP_DISCARD,
    OP_FILE_WRITE,
    OP_FILE_READ,
    OP_FILE_SYNC,
    OP_SET_NICE,
    OP_SET_POLICY,
    OP_SET_AFFINITY,
    OP_FORK_EXIT,
    OP_LOCK,
    OP_UNLOCK,
    OP_REPEAT,
    OP_FOR_DURATION,
    OP_CYCLE,
    OP_ROLES,
    OP_EXEC,
    OP_REPEAT_NEXT, // jumps to `target` until the loop register reaches 0
    OP_FOR_NEXT,    // jumps to `target` until the time in the loop register
    OP_JUMP,        // jumps to `target`
    OP_ITERATION,   // end of the body: jumps to `target`
    OP_SPIN_ROUNDS, // runs all iterations of a body that is one short spin of `x` units
    OP_END,
    OP_COUNT
};

enum {
    PROGRAM_CHANNELS = 64,
    PROGRAM_SLOTS = 8,
    PROGRAM_DEPTH = 16,
    PROGRAM_NODES = 4096,
    PROGRAM_TRANSFER = 1 << 20,
    PROGRAM_MATRIX = 1024,
    PROGRAM_SHORT_SPIN = 1024,
};

struct instruction {
    uint8_t op;
    uint8_t flags;
    uint16_t loop;   // loop register
    uint32_t a, b;   // small operands in the order of the protocol
    uint32_t target; // instruction index
    uint64_t x, y;   // large operands in the order of the protocol
};

struct exec_target {
    const char *path;
    char *const *argv; // NULL-terminated
};

struct program {
    struct instruction *code;
    uint32_t length, capacity;
    uint32_t body, teardown; // indexes
    uint32_t loops;          // loop registers used
    uint32_t *branches;      // targets of CYCLE: x is the index of the first, b the count
    uint32_t branch_count, branch_capacity;
    struct cpu_list *sets; // explicit sets of SET_AFFINITY: x is the index
    uint32_t set_count, set_capacity;
    struct exec_target *execs; // executables of EXEC: x is the index
    uint32_t exec_count, exec_capacity;
    // What a worker must prepare.
    uint64_t walk_bytes, file_span;
    uint32_t transfer_bytes, matrix;
    uint64_t pipes;    // bit per pipe channel
    uint32_t channels; // highest index of a word, pipe or mutex plus one
    uint32_t most_branches;
    bool uses_file;
};

// Decodes the program for `role` into memory of the arena. On failure `error` says what is wrong and at which byte.
bool program_decode(const uint8_t *bytes, size_t length, uint32_t role, struct arena *arena, struct program *program,
                    char *error, size_t error_size);

#endif
