// Corrects the magic, sequence number and checksum of frames, which no mutation finds. Leaves length and type
// unchanged.
#ifndef KTSTR_FUZZ_FRAME_FIX_H
#define KTSTR_FUZZ_FRAME_FIX_H

#include "base/crc32.h"
#include "wire/frame.h"

#include <string.h>

static inline void frames_fix(uint8_t *bytes, size_t size) {
    uint16_t magic = FRAME_MAGIC;
    size_t at = 0;
    for (uint32_t seq = 0; size - at >= (size_t)FRAME_HEADER + FRAME_TRAILER; seq++) {
        uint32_t length;
        memcpy(&length, bytes + at, sizeof length);
        if (length > size - at - FRAME_HEADER - FRAME_TRAILER)
            return;
        memcpy(bytes + at + 6, &magic, sizeof magic);
        memcpy(bytes + at + 8, &seq, sizeof seq);
        uint32_t crc = crc32_of(0, bytes + at, (size_t)FRAME_HEADER + length);
        memcpy(bytes + at + FRAME_HEADER + length, &crc, sizeof crc);
        at += (size_t)FRAME_HEADER + length + FRAME_TRAILER;
    }
}

#endif
