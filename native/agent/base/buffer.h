// A growing byte buffer with the primitive encodings of docs/protocol.md.
#ifndef KTSTR_BUFFER_H
#define KTSTR_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void put_raw(struct buffer *buffer, const void *data, size_t length);
void put_u8(struct buffer *buffer, uint8_t value);
void put_u16(struct buffer *buffer, uint16_t value);
void put_u32(struct buffer *buffer, uint32_t value);
void put_i32(struct buffer *buffer, int32_t value);
void put_u64(struct buffer *buffer, uint64_t value);
void put_bool(struct buffer *buffer, bool value);
// Writes text as UTF-8. Each malformed byte becomes '?', so that the host can always read the frame.
void put_str(struct buffer *buffer, const char *text);
// Writes bytes that are not text.
void put_bytes(struct buffer *buffer, const uint8_t *bytes, uint32_t length);
// Writes a zero u32 and returns its offset; patch_u32 fills it in later.
size_t put_gap_u32(struct buffer *buffer);
void patch_u32(struct buffer *buffer, size_t at, uint32_t value);
void buffer_free(struct buffer *buffer);

#endif
