// A stream of frames as received over COM2, unchanged and with headers and checksums corrected.
#include "fuzz.h"

#include "frame_fix.h"

static size_t take(const uint8_t *bytes, size_t size) {
    size_t at = 0;
    char error[200] = "";
    for (uint32_t seq = 0;; seq++) {
        struct frame frame;
        enum frame_result result = frame_parse(bytes + at, size - at, at, seq, &frame, error, sizeof error);
        MUST((result == FRAME_BAD) == (error[0] != 0));
        if (result != FRAME_OK)
            return at;
        MUST(frame.size == (size_t)FRAME_HEADER + frame.length + FRAME_TRAILER && frame.size <= size - at);
        MUST(frame.payload == bytes + at + FRAME_HEADER && frame.offset == at && frame.seq == seq);
        at += frame.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = fuzz_copy(data, size);
    size_t first = take(bytes, size);
    frames_fix(bytes, size);
    // With correct headers at least as many bytes are taken.
    MUST(take(bytes, size) >= first);
    free(bytes);
    return 0;
}
