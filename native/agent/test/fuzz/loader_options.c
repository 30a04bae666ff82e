// The options of the fixture scheduler's loader (native/bpf/options.c): words that newlines divide.
#include "fuzz.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

static jmp_buf refused;

// The loader ends where it refuses.
static _Noreturn void end(int code) { longjmp(refused, code + 1); }

#define exit end
#include "../../../bpf/options.c"
#undef exit

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *nowhere;
    char *text = fuzz_text(data, size), *words[18] = {(char *)"scx_ktstr"}, *rest = text;
    int count = 1;
    while (rest && count < 17)
        words[count++] = strsep(&rest, "\n");
    if (!nowhere) {
        nowhere = fopen("/dev/null", "we");
        MUST(nowhere);
        // Its refusals would fill the terminal; the fuzzer writes with file descriptor 2.
        stderr = stdout = nowhere;
    }
    optind = 0;
    if (setjmp(refused) == 0) {
        struct options options;
        read_options(count, words, &options);
        MUST(options.knobs.slice_ns >= 100000 && options.knobs.slice_ns <= 10000000000);
        MUST(options.knobs.only_cpu >= -1 && options.knobs.only_cpu < MAX_CPUS);
        MUST(options.exit_code >= 0 && options.exit_code <= 255);
        MUST(memchr(options.knobs.starve, 0, sizeof options.knobs.starve));
    }
    free(text);
    return 0;
}
