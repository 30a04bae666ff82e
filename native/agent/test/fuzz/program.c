// The bytes of SPAWN.program, for several roles: accepted programs must be safe to run.
#include "fuzz.h"

#include "wire/program.h"

static void check(const struct program *program) {
    MUST(program->body < program->length && program->teardown < program->length);
    MUST(program->channels <= PROGRAM_CHANNELS && program->transfer_bytes <= PROGRAM_TRANSFER);
    MUST(program->matrix <= PROGRAM_MATRIX);
    MUST(program->code[program->length - 1].op == OP_END);
    for (uint32_t i = 0; i < program->length; i++) {
        const struct instruction *at = &program->code[i];
        MUST(at->op > 0 && at->op < OP_COUNT && at->op != OP_ROLES);
        MUST(at->target < program->length);
        switch ((enum op)at->op) {
        case OP_CYCLE:
            MUST(at->loop < program->loops && at->b > 0 && at->x + at->b <= program->branch_count);
            for (uint32_t b = 0; b < at->b; b++)
                MUST(program->branches[at->x + b] < program->length);
            break;
        case OP_REPEAT:
        case OP_REPEAT_NEXT:
            MUST(at->loop < program->loops && at->x > 0);
            break;
        case OP_FOR_DURATION:
        case OP_FOR_NEXT:
            MUST(at->loop + 1u < program->loops);
            break;
        case OP_SET_AFFINITY:
            MUST(at->x < program->set_count);
            for (uint32_t c = 0; c < program->sets[at->x].count; c++)
                MUST(program->sets[at->x].cpus[c] < 4096);
            break;
        case OP_EXEC:
            MUST(at->x < program->exec_count && program->execs[at->x].argv[0]);
            break;
        case OP_POST:
        case OP_AWAIT:
        case OP_LOCK:
        case OP_UNLOCK:
            MUST(at->a < program->channels);
            break;
        case OP_PIPE_READ:
        case OP_PIPE_WRITE:
            MUST(at->a < program->channels && (program->pipes >> at->a & 1) && at->b <= program->transfer_bytes);
            break;
        case OP_FILE_WRITE:
        case OP_FILE_READ:
            MUST(program->uses_file && at->a > 0 && at->a <= program->transfer_bytes);
            MUST(at->op == OP_FILE_WRITE || (at->y >= at->a && at->y <= program->file_span));
            break;
        case OP_WALK:
            MUST(at->x <= program->walk_bytes && at->a > 0);
            break;
        case OP_MATMUL:
            MUST(at->a > 0 && at->a <= program->matrix);
            break;
        case OP_MAP:
        case OP_TOUCH:
        case OP_DISCARD:
            MUST(at->a < PROGRAM_SLOTS);
            break;
        default:
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = fuzz_copy(data, size);
    for (uint32_t role = 0; role < 3; role++) {
        struct arena arena = {0};
        struct program program;
        char error[160] = "";
        bool good = program_decode(bytes, size, role, &arena, &program, error, sizeof error);
        MUST(good == (error[0] == 0));
        if (good)
            check(&program);
        arena_free(&arena);
    }
    free(bytes);
    return 0;
}
