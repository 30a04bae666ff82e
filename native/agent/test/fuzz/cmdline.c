// The kernel command line.
#include "fuzz.h"

#include "sys/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    struct cmdline options = cmdline_parse(text);
    MUST(options.mode <= MODE_LIVE && options.fault <= FAULT_MUTE);
    MUST(options.deadline_ns > 0 && options.deadline_ns < 1ull << 60);
    // At least one page of header and one page of data, and a size that fits in the ring's numbers.
    MUST(options.ring_size == 0 || (options.ring_size >= 8192 && options.ring_size <= UINT32_MAX));
    MUST(options.ring_address % 4096 == 0 && options.ring_address + options.ring_size >= options.ring_address);
    MUST(memchr(options.notes, 0, sizeof options.notes));
    free(text);
    return 0;
}
