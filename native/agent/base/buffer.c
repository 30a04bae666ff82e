#include "buffer.h"

#include "exhausted.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *reserve(struct buffer *buffer, size_t length) {
    if (buffer->capacity - buffer->length < length) {
        size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
        while (capacity - buffer->length < length)
            capacity *= 2;
        uint8_t *data = realloc(buffer->data, capacity);
        if (!data)
            exhausted(capacity);
        buffer->data = data;
        buffer->capacity = capacity;
    }
    uint8_t *at = buffer->data + buffer->length;
    buffer->length += length;
    return at;
}

// x86_64 and aarch64 are little-endian, so memory order is wire order.
void put_raw(struct buffer *buffer, const void *data, size_t length) {
    if (length)
        memcpy(reserve(buffer, length), data, length);
}

void put_u8(struct buffer *buffer, uint8_t value) { put_raw(buffer, &value, sizeof value); }
void put_u16(struct buffer *buffer, uint16_t value) { put_raw(buffer, &value, sizeof value); }
void put_u32(struct buffer *buffer, uint32_t value) { put_raw(buffer, &value, sizeof value); }
void put_i32(struct buffer *buffer, int32_t value) { put_raw(buffer, &value, sizeof value); }
void put_u64(struct buffer *buffer, uint64_t value) { put_raw(buffer, &value, sizeof value); }
void put_bool(struct buffer *buffer, bool value) { put_u8(buffer, value ? 1 : 0); }

void put_str(struct buffer *buffer, const char *text) {
    size_t length = strlen(text);
    put_u32(buffer, (uint32_t)length);
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t at = 0; at < length;) {
        size_t step = utf8_character(bytes + at, length - at);
        if (step)
            put_raw(buffer, bytes + at, step);
        else
            put_u8(buffer, '?');
        at += step ? step : 1;
    }
}

void put_bytes(struct buffer *buffer, const uint8_t *bytes, uint32_t length) {
    put_u32(buffer, length);
    put_raw(buffer, bytes, length);
}

size_t put_gap_u32(struct buffer *buffer) {
    size_t at = buffer->length;
    put_u32(buffer, 0);
    return at;
}

void patch_u32(struct buffer *buffer, size_t at, uint32_t value) { memcpy(buffer->data + at, &value, sizeof value); }

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
