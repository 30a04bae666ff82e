// The options of the fixture scheduler's loader (native/bpf/options.c): words separated by newlines.
#include "fuzz.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

static jmp_buf refused;

// The loader exits where it rejects an option.
static _Noreturn void end(int code) { longjmp(refused, code + 1); }

#define exit end
#include "../../../bpf/options.c"
#undef exit

// The permitted values according to the help and the messages.
static const struct {
    const char *name;
    double least, most;
    bool whole;
} rules[] = {
    {"--slice-us", 100, 10000000, true},    {"--watchdog-ms", 1, 30000, true},      {"--stats", 0.001, 86400, false},
    {"--slow-start", 0.001, 86400, false},  {"--exit-after", 0.001, 86400, false},  {"--exit-code", 0, 255, true},
    {"--error-after", 0.001, 86400, false}, {"--stall-after", 0.001, 86400, false}, {"--degrade", 1, 1000, true},
    {"--one-cpu", 0, MAX_CPUS - 1, true},   {"--starve-for", 0.001, 86400, false},
};

// Returns whether an option alone with its value is valid; -1: unknown.
static int verdict(const char *name, const char *value) {
    if (strcmp(name, "--starve") == 0)
        return *value && strlen(value) < NAME_LENGTH && !strchr(value, '/');
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(name, rules[i].name) != 0)
            continue;
        char *end;
        errno = 0;
        double number = strtod(value, &end);
        if (errno || *end || end == value)
            return 0;
        bool within = number >= rules[i].least && number <= rules[i].most;
        return within && (!rules[i].whole || number == (double)(long)number);
    }
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *nowhere;
    char *text = fuzz_text(data, size), *words[18] = {(char *)"scx_ktstr"}, *rest = text;
    int count = 1;
    while (rest && count < 17)
        words[count++] = strsep(&rest, "\n");
    if (!nowhere) {
        nowhere = fopen("/dev/null", "we");
        MUST(nowhere);
        // The loader's messages would fill the terminal; the fuzzer itself writes to file descriptor 2.
        stderr = stdout = nowhere;
    }
    int right = count == 3 ? verdict(words[1], words[2]) : -1;
    optind = 0;
    if (setjmp(refused) == 0) {
        struct options options;
        read_options(count, words, &options);
        MUST(options.knobs.slice_ns >= 100000 && options.knobs.slice_ns <= 10000000000);
        MUST(options.knobs.only_cpu >= -1 && options.knobs.only_cpu < MAX_CPUS);
        MUST(options.exit_code >= 0 && options.exit_code <= 255);
        MUST(right != 0);
        MUST(options.watchdog_ms <= 30000 && options.knobs.degrade_ns <= 1000000000);
        MUST(memchr(options.knobs.starve, 0, sizeof options.knobs.starve));
    } else {
        MUST(right != 1);
    }
    free(text);
    return 0;
}
