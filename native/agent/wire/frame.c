#include "frame.h"

#include "base/crc32.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint32_t u32_at(const uint8_t *data) {
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

static uint16_t u16_at(const uint8_t *data) {
    uint16_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

__attribute__((format(printf, 4, 5))) static enum frame_result bad(char *error, size_t size, uint64_t offset,
                                                                   const char *format, ...) {
    int used = snprintf(error, size, "Frame at offset %llu: ", (unsigned long long)offset);
    va_list arguments;
    va_start(arguments, format);
    if (used >= 0 && (size_t)used < size)
        vsnprintf(error + used, size - (size_t)used, format, arguments);
    va_end(arguments);
    return FRAME_BAD;
}

enum frame_result frame_parse(const uint8_t *data, size_t available, uint64_t offset, uint32_t seq, struct frame *frame,
                              char *error, size_t error_size) {
    uint32_t length = available >= 4 ? u32_at(data) : 0;
    if (length > FRAME_MAX_PAYLOAD)
        return bad(error, error_size, offset, "length %u is over the limit of %d", length, FRAME_MAX_PAYLOAD);
    if (available >= 8 && u16_at(data + 6) != FRAME_MAGIC)
        return bad(error, error_size, offset, "magic 0x%04X is not 0x%04X", u16_at(data + 6), FRAME_MAGIC);
    size_t size = (size_t)FRAME_HEADER + length + FRAME_TRAILER;
    if (available < size)
        return FRAME_INCOMPLETE;
    uint32_t found = u32_at(data + FRAME_HEADER + length), expected = crc32_of(0, data, (size_t)FRAME_HEADER + length);
    if (found != expected)
        return bad(error, error_size, offset, "CRC 0x%08X is not 0x%08X", found, expected);
    if (u32_at(data + 8) != seq)
        return bad(error, error_size, offset, "sequence number %u is not %u", u32_at(data + 8), seq);
    *frame = (struct frame){.offset = offset,
                            .type = u16_at(data + 4),
                            .seq = seq,
                            .payload = data + FRAME_HEADER,
                            .length = length,
                            .size = size};
    return FRAME_OK;
}

size_t frame_begin(struct buffer *buffer, uint16_t type, uint32_t seq) {
    size_t start = buffer->length;
    put_u32(buffer, 0);
    put_u16(buffer, type);
    put_u16(buffer, FRAME_MAGIC);
    put_u32(buffer, seq);
    return start;
}

void frame_end(struct buffer *buffer, size_t start) {
    patch_u32(buffer, start, (uint32_t)(buffer->length - start - FRAME_HEADER));
    put_u32(buffer, crc32_of(0, buffer->data + start, buffer->length - start));
}
