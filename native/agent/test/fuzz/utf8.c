// Text for the host: whatever it was, what is put on the wire is UTF-8 of the same length.
#include "fuzz.h"

#include "buffer.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    struct buffer out = {0};
    put_str(&out, text);
    uint32_t length;
    memcpy(&length, out.data, sizeof length);
    MUST(length == strlen(text) && out.length == sizeof length + length);
    for (size_t at = sizeof length; at < out.length;) {
        size_t step = utf8_character(out.data + at, out.length - at);
        MUST(step > 0 && step <= 4);
        at += step;
    }
    buffer_free(&out);
    free(text);
    return 0;
}
