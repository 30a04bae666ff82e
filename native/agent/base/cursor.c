#include "cursor.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct cursor cursor_of(const void *data, size_t length, struct arena *arena) {
    return (struct cursor){.data = data, .length = length, .arena = arena};
}

void cursor_fail(struct cursor *cursor, const char *format, ...) {
    if (cursor->failed)
        return;
    cursor->failed = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cursor->error, sizeof cursor->error, format, arguments);
    va_end(arguments);
}

static const uint8_t *take(struct cursor *cursor, size_t length) {
    if (cursor->failed)
        return NULL;
    if (length > cursor->length - cursor->at) {
        cursor_fail(cursor, "payload ends at byte %zu, %zu more were expected at byte %zu", cursor->length, length,
                    cursor->at);
        return NULL;
    }
    const uint8_t *bytes = cursor->data + cursor->at;
    cursor->at += length;
    return bytes;
}

static void copy(struct cursor *cursor, void *value, size_t size) {
    const uint8_t *bytes = take(cursor, size);
    if (bytes)
        memcpy(value, bytes, size);
    else
        memset(value, 0, size);
}

uint8_t get_u8(struct cursor *cursor) {
    uint8_t value;
    copy(cursor, &value, sizeof value);
    return value;
}

uint16_t get_u16(struct cursor *cursor) {
    uint16_t value;
    copy(cursor, &value, sizeof value);
    return value;
}

uint32_t get_u32(struct cursor *cursor) {
    uint32_t value;
    copy(cursor, &value, sizeof value);
    return value;
}

int32_t get_i32(struct cursor *cursor) {
    int32_t value;
    copy(cursor, &value, sizeof value);
    return value;
}

uint64_t get_u64(struct cursor *cursor) {
    uint64_t value;
    size_t at = cursor->at;
    copy(cursor, &value, sizeof value);
    if (value > 0x1fffffffffffff)
        cursor_fail(cursor, "%llu at byte %zu is over 2^53", (unsigned long long)value, at);
    return value;
}

bool get_bool(struct cursor *cursor) {
    size_t at = cursor->at;
    uint8_t value = get_u8(cursor);
    if (value > 1)
        cursor_fail(cursor, "bool is %u at byte %zu", value, at);
    return value == 1;
}

const uint8_t *get_bytes(struct cursor *cursor, uint32_t *length) {
    *length = get_u32(cursor);
    const uint8_t *bytes = take(cursor, *length);
    if (!bytes)
        *length = 0;
    return bytes;
}

const char *get_str(struct cursor *cursor) {
    size_t start = cursor->at;
    uint32_t length;
    const uint8_t *bytes = get_bytes(cursor, &length);
    if (!bytes)
        return "";
    for (size_t at = 0; at < length;) {
        size_t step = utf8_character(bytes + at, length - at);
        if (step == 0 || bytes[at] == 0) {
            cursor_fail(cursor, step ? "string at byte %zu has a NUL" : "string at byte %zu is not UTF-8", start);
            return "";
        }
        at += step;
    }
    char *text = arena_alloc(cursor->arena, (size_t)length + 1, 1);
    memcpy(text, bytes, length);
    return text;
}

uint32_t get_count(struct cursor *cursor, size_t minimum) {
    size_t at = cursor->at;
    uint32_t count = get_u32(cursor);
    if ((uint64_t)count * minimum > cursor->length - cursor->at) {
        cursor_fail(cursor, "list of %u at byte %zu does not fit in the payload", count, at);
        return 0;
    }
    return cursor->failed ? 0 : count;
}

struct cpu_list get_cpus(struct cursor *cursor) {
    size_t at = cursor->at;
    uint32_t count = get_count(cursor, 4);
    uint32_t *cpus = arena_alloc(cursor->arena, count, sizeof *cpus);
    for (uint32_t i = 0; i < count; i++) {
        cpus[i] = get_u32(cursor);
        if (i > 0 && cpus[i] <= cpus[i - 1]) {
            cursor_fail(cursor, "CPU numbers at byte %zu do not ascend", at);
            return (struct cpu_list){0};
        }
    }
    return (struct cpu_list){.count = count, .cpus = cpus};
}

void get_end(struct cursor *cursor) {
    if (!cursor->failed && cursor->at < cursor->length)
        cursor_fail(cursor, "%zu bytes left over at byte %zu", cursor->length - cursor->at, cursor->at);
}
