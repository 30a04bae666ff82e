// Frames of docs/protocol.md.
#ifndef KTSTR_FRAME_H
#define KTSTR_FRAME_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER = 12, FRAME_TRAILER = 4, FRAME_MAX_PAYLOAD = 8 << 20, FRAME_MAGIC = 0x534b };

struct frame {
    uint64_t offset; // offset of its first byte in the stream
    uint16_t type;
    uint32_t seq;
    const uint8_t *payload; // inside the bytes passed to frame_parse
    uint32_t length;
    size_t size; // of the whole frame
};

enum frame_result { FRAME_OK, FRAME_INCOMPLETE, FRAME_BAD };

// Parses the frame at the start of `data`, which is at `offset` in the stream and must have sequence number `seq`. For
// FRAME_BAD `error` says why, with the offset.
enum frame_result frame_parse(const uint8_t *data, size_t available, uint64_t offset, uint32_t seq, struct frame *frame,
                              char *error, size_t error_size);

// Begins a frame in `buffer` and returns its start. The caller then appends the payload and calls frame_end.
size_t frame_begin(struct buffer *buffer, uint16_t type, uint32_t seq);
void frame_end(struct buffer *buffer, size_t start);

#endif
