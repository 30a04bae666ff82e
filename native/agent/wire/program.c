#include "program.h"

#include <stdio.h>
#include <string.h>

struct decoder {
    struct cursor cursor;
    struct program *program;
    uint32_t role;
    uint32_t nodes;
    uint32_t depth;
    bool dropped; // inside a branch of another role: checked, but not emitted
};

static void *grow(struct arena *arena, void *items, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    uint32_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown = arena_alloc(arena, wanted, size);
    if (count)
        memcpy(grown, items, (size_t)count * size);
    *capacity = wanted;
    return grown;
}

static uint32_t emit(struct decoder *d, struct instruction instruction) {
    struct program *p = d->program;
    if (d->dropped)
        return 0;
    p->code = grow(d->cursor.arena, p->code, p->length, &p->capacity, sizeof *p->code);
    p->code[p->length] = instruction;
    return p->length++;
}

static uint64_t within(struct decoder *d, const char *name, uint64_t value, uint64_t min, uint64_t max) {
    if (value < min || value > max)
        cursor_fail(&d->cursor, "%s is %llu; it must be a whole number from %llu to %llu", name,
                    (unsigned long long)value, (unsigned long long)min, (unsigned long long)max);
    return value;
}

static uint64_t most64(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint32_t most32(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t channel(struct decoder *d, const char *name) {
    uint32_t index = (uint32_t)within(d, name, get_u32(&d->cursor), 0, PROGRAM_CHANNELS - 1);
    d->program->channels = most32(d->program->channels, index + 1);
    return index;
}

static uint32_t slot(struct decoder *d) {
    return (uint32_t)within(d, "slot", get_u32(&d->cursor), 0, PROGRAM_SLOTS - 1);
}

static uint32_t positive(struct decoder *d, const char *name) {
    return (uint32_t)within(d, name, get_u32(&d->cursor), 1, UINT32_MAX);
}

static const uint64_t memory_limit = 1ull << 40, span_limit = 1ull << 30, number_limit = 0x1fffffffffffff;

static void nodes(struct decoder *d);

static uint16_t loop_register(struct decoder *d) { return (uint16_t)d->program->loops++; }

static void require_nodes(struct decoder *d) {
    // Only peeks at the count of the list. An empty loop body would spin without a checkpoint.
    struct cursor peek = d->cursor;
    if (get_u32(&peek) == 0 && !peek.failed)
        cursor_fail(&d->cursor, "the repeated list is empty");
}

static void loop(struct decoder *d, enum op begin, enum op next, const char *name) {
    uint64_t amount = within(d, name, get_u64(&d->cursor), 1, number_limit);
    uint16_t reg = loop_register(d);
    if (begin == OP_FOR_DURATION)
        loop_register(d); // the second register holds the clock at the end of the last round
    require_nodes(d);
    uint32_t start = emit(d, (struct instruction){.op = begin, .loop = reg, .x = amount});
    nodes(d);
    emit(d, (struct instruction){.op = next, .loop = reg, .target = start + 1, .x = amount});
}

static void cycle(struct decoder *d) {
    struct program *p = d->program;
    uint32_t count = get_count(&d->cursor, 4);
    within(d, "the number of branches", count, 1, 256);
    if (d->cursor.failed)
        return;
    uint32_t at = emit(d, (struct instruction){.op = OP_CYCLE, .loop = loop_register(d), .b = count});
    uint32_t *starts = arena_alloc(d->cursor.arena, count, sizeof *starts);
    uint32_t *jumps = arena_alloc(d->cursor.arena, count, sizeof *jumps);
    for (uint32_t i = 0; i < count && !d->cursor.failed; i++) {
        starts[i] = p->length;
        nodes(d);
        jumps[i] = emit(d, (struct instruction){.op = OP_JUMP});
    }
    if (d->dropped || d->cursor.failed)
        return;
    // The table is written last because a branch may contain cycles of its own.
    p->code[at].x = p->branch_count;
    for (uint32_t i = 0; i < count; i++) {
        p->branches = grow(d->cursor.arena, p->branches, p->branch_count, &p->branch_capacity, sizeof *p->branches);
        p->branches[p->branch_count++] = starts[i];
        p->code[jumps[i]].target = p->length;
    }
}

static void roles(struct decoder *d) {
    uint32_t count = get_count(&d->cursor, 4);
    within(d, "the number of branches", count, 1, 256);
    d->program->most_branches = most32(d->program->most_branches, count);
    uint32_t mine = d->role < count ? d->role : count - 1;
    bool dropped = d->dropped;
    for (uint32_t i = 0; i < count && !d->cursor.failed; i++) {
        d->dropped = dropped || i != mine;
        nodes(d);
    }
    d->dropped = dropped;
}

static void file_read(struct decoder *d) {
    uint64_t bytes = within(d, "bytes", get_u64(&d->cursor), 1, number_limit);
    uint32_t block = (uint32_t)within(d, "block", get_u32(&d->cursor), 1, PROGRAM_TRANSFER);
    uint64_t span = within(d, "span", get_u64(&d->cursor), block, span_limit);
    uint8_t flags = get_u8(&d->cursor);
    if (flags > 3)
        cursor_fail(&d->cursor, "flags %u are unknown", flags);
    if ((flags & 2) && block % 4096)
        cursor_fail(&d->cursor, "block is %u; direct reads need a multiple of 4096", block);
    d->program->uses_file = true;
    d->program->file_span = most64(d->program->file_span, span);
    d->program->transfer_bytes = most32(d->program->transfer_bytes, block);
    emit(d, (struct instruction){.op = OP_FILE_READ, .x = bytes, .a = block, .y = span, .flags = flags});
}

static void set_policy(struct decoder *d) {
    uint8_t policy = get_u8(&d->cursor);
    uint32_t priority = get_u32(&d->cursor);
    if (policy > 7 || policy == 4 || policy == 6)
        cursor_fail(&d->cursor, "policy %u is unknown", policy);
    bool realtime = policy == 1 || policy == 2;
    within(d, "priority", priority, realtime ? 1 : 0, realtime ? 99 : 0);
    emit(d, (struct instruction){.op = OP_SET_POLICY, .a = policy, .b = priority});
}

static void set_affinity(struct decoder *d) {
    struct program *p = d->program;
    uint8_t kind = get_u8(&d->cursor);
    struct cpu_list cpus = get_cpus(&d->cursor);
    if (kind > 2)
        cursor_fail(&d->cursor, "affinity kind %u is unknown", kind);
    if (kind < 2 && cpus.count > 0)
        cursor_fail(&d->cursor, "affinity kind %u takes no CPUs", kind);
    if (kind == 2 && cpus.count == 0)
        cursor_fail(&d->cursor, "target has no CPU; name at least one, or use initial");
    if (d->cursor.failed)
        return;
    for (uint32_t i = 0; i < cpus.count; i++)
        within(d, "CPU", cpus.cpus[i], 0, 4095);
    p->sets = grow(d->cursor.arena, p->sets, p->set_count, &p->set_capacity, sizeof *p->sets);
    p->sets[p->set_count] = cpus;
    emit(d, (struct instruction){.op = OP_SET_AFFINITY, .a = kind, .x = p->set_count++});
}

static void exec(struct decoder *d) {
    struct program *p = d->program;
    const char *path = get_str(&d->cursor);
    uint32_t count = get_count(&d->cursor, 4);
    char **argv = arena_alloc(d->cursor.arena, (size_t)count + 2, sizeof *argv);
    for (uint32_t i = 0; i < count; i++)
        argv[i] = (char *)get_str(&d->cursor);
    if (path[0] == 0)
        cursor_fail(&d->cursor, "the path of the executable is empty or has a NUL");
    if (count == 0)
        argv[0] = (char *)path;
    p->execs = grow(d->cursor.arena, p->execs, p->exec_count, &p->exec_capacity, sizeof *p->execs);
    p->execs[p->exec_count] = (struct exec_target){.path = path, .argv = argv};
    emit(d, (struct instruction){.op = OP_EXEC, .x = p->exec_count++});
}

static void node(struct decoder *d) {
    struct cursor *c = &d->cursor;
    struct program *p = d->program;
    size_t at = c->at;
    uint8_t opcode = get_u8(c);
    if (c->failed)
        return;
    if (++d->nodes > PROGRAM_NODES) {
        cursor_fail(c, "the program has more than %d nodes", PROGRAM_NODES);
        return;
    }
    struct instruction i = {.op = opcode};
    switch ((enum op)opcode) {
    case OP_SPIN:
        i.x = within(d, "n", get_u64(c), 1, number_limit);
        break;
    case OP_YIELD:
    case OP_FORK_EXIT:
        break;
    case OP_SLEEP:
        i.x = get_u64(c);
        break;
    case OP_POST:
        i.a = channel(d, "word");
        i.b = (uint32_t)within(d, "wake", get_u32(c), 0, INT32_MAX);
        break;
    case OP_AWAIT:
        i.a = channel(d, "word");
        break;
    case OP_PIPE_WRITE:
    case OP_PIPE_READ:
        i.a = channel(d, "channel");
        i.b = (uint32_t)within(d, "bytes", get_u32(c), 1, PROGRAM_TRANSFER);
        if (!c->failed)
            p->pipes |= 1ull << i.a;
        p->transfer_bytes = most32(p->transfer_bytes, i.b);
        break;
    case OP_WALK:
        i.x = within(d, "bytes", get_u64(c), 1, memory_limit);
        i.a = positive(d, "stride");
        i.b = positive(d, "passes");
        p->walk_bytes = most64(p->walk_bytes, d->dropped ? 0 : i.x);
        break;
    case OP_MATMUL:
        i.a = (uint32_t)within(d, "n", get_u32(c), 1, PROGRAM_MATRIX);
        i.b = positive(d, "reps");
        p->matrix = most32(p->matrix, d->dropped ? 0 : i.a);
        break;
    case OP_MAP: {
        i.a = slot(d);
        i.x = within(d, "bytes", get_u64(c), 1, memory_limit);
        uint32_t flags = get_u32(c);
        if (flags > 1)
            cursor_fail(c, "flags %u are unknown", flags);
        i.flags = (uint8_t)flags;
        break;
    }
    case OP_TOUCH:
        i.a = slot(d);
        i.b = positive(d, "pages");
        i.flags = get_bool(c);
        break;
    case OP_DISCARD:
        i.a = slot(d);
        break;
    case OP_FILE_WRITE:
        i.x = within(d, "bytes", get_u64(c), 1, number_limit);
        i.a = (uint32_t)within(d, "block", get_u32(c), 1, PROGRAM_TRANSFER);
        p->transfer_bytes = most32(p->transfer_bytes, i.a);
        p->uses_file = true;
        break;
    case OP_FILE_SYNC:
        p->uses_file = true;
        break;
    case OP_SET_NICE: {
        int32_t nice = get_i32(c);
        if (nice < -20 || nice > 19)
            cursor_fail(c, "nice is %d; it must be a whole number from -20 to 19", nice);
        i.a = (uint32_t)nice;
        break;
    }
    case OP_LOCK:
    case OP_UNLOCK:
        i.a = channel(d, "mutex");
        break;
    case OP_FILE_READ:
        file_read(d);
        return;
    case OP_SET_POLICY:
        set_policy(d);
        return;
    case OP_SET_AFFINITY:
        set_affinity(d);
        return;
    case OP_REPEAT:
        loop(d, OP_REPEAT, OP_REPEAT_NEXT, "n");
        return;
    case OP_FOR_DURATION:
        loop(d, OP_FOR_DURATION, OP_FOR_NEXT, "ns");
        return;
    case OP_CYCLE:
        cycle(d);
        return;
    case OP_ROLES:
        roles(d);
        return;
    case OP_EXEC:
        exec(d);
        return;
    default:
        cursor_fail(c, "opcode %u at byte %zu is unknown", opcode, at);
        return;
    }
    emit(d, i);
}

static void nodes(struct decoder *d) {
    if (d->depth >= PROGRAM_DEPTH) {
        cursor_fail(&d->cursor, "nested deeper than %d at byte %zu", PROGRAM_DEPTH, d->cursor.at);
        return;
    }
    d->depth++;
    uint32_t count = get_count(&d->cursor, 1);
    for (uint32_t i = 0; i < count && !d->cursor.failed; i++)
        node(d);
    d->depth--;
}

// Fuses a body that is one short spin into one instruction, which saves the dispatch between iterations.
static void fuse_spin(struct program *p) {
    struct instruction *first = &p->code[p->body];
    if (p->length == p->body + 2 && first->op == OP_SPIN && first->x <= PROGRAM_SHORT_SPIN)
        first->op = OP_SPIN_ROUNDS;
}

bool program_decode(const uint8_t *bytes, size_t length, uint32_t role, struct arena *arena, struct program *program,
                    char *error, size_t error_size) {
    *program = (struct program){0};
    struct decoder d = {.cursor = cursor_of(bytes, length, arena), .program = program, .role = role};
    uint8_t version = get_u8(&d.cursor);
    if (!d.cursor.failed && version != 1)
        cursor_fail(&d.cursor, "program version %u is not 1", version);
    nodes(&d);
    program->body = program->length;
    uint32_t before = d.nodes;
    nodes(&d);
    if (!d.cursor.failed && d.nodes == before)
        cursor_fail(&d.cursor, "body: it is empty; give at least one node");
    emit(&d, (struct instruction){.op = OP_ITERATION, .target = program->body});
    fuse_spin(program);
    program->teardown = program->length;
    nodes(&d);
    emit(&d, (struct instruction){.op = OP_END});
    get_end(&d.cursor);
    if (d.cursor.failed)
        snprintf(error, error_size, "%s", d.cursor.error);
    return !d.cursor.failed;
}
