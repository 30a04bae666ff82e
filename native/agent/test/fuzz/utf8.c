// Text for the host, against a second implementation of the encoding: the result is UTF-8 of the same length, in which
// only malformed bytes are replaced.
#include "fuzz.h"

#include "base/buffer.h"
#include "base/utf8.h"

// Checks the code point of the bytes: its length is minimal, and it is neither a surrogate nor beyond the last code
// point.
static size_t character(const uint8_t *text, size_t available) {
    if (available > 0 && text[0] < 0x80)
        return 1;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t size = 2; size <= 4 && size <= available; size++) {
        if (text[0] >> (7 - size) != (1U << (size + 1)) - 2)
            continue;
        uint32_t point = text[0] & ((1U << (7 - size)) - 1);
        for (size_t i = 1; i < size; i++) {
            if (text[i] >> 6 != 2)
                return 0;
            point = point << 6 | (text[i] & 0x3f);
        }
        return point >= least[size] && point <= 0x10ffff && point >> 11 != 0xd800 >> 11 ? size : 0;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *exact = fuzz_copy(data, size);
    for (size_t at = 0; at <= size; at++)
        MUST(utf8_character(exact + at, size - at) == character(data + at, size - at));
    free(exact);
    char *text = fuzz_text(data, size);
    struct buffer out = {0};
    put_str(&out, text);
    uint32_t length;
    memcpy(&length, out.data, sizeof length);
    MUST(length == strlen(text) && out.length == sizeof length + length);
    const uint8_t *got = out.data + sizeof length;
    for (size_t at = 0; at < length;) {
        size_t step = character(data + at, length - at);
        MUST(step ? memcmp(got + at, data + at, step) == 0 : got[at] == '?');
        at += step ? step : 1;
    }
    buffer_free(&out);
    free(text);
    return 0;
}
