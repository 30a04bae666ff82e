// Cpulists: the text of a set parses to the same set.
#include "fuzz.h"

#include "base/cpumask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[4 * CPUMASK_CPUS];
    char *list = fuzz_text(data, size);
    struct cpumask mask = {0}, again = {0};
    int lowest = cpulist_parse(list, &mask);
    MUST(lowest >= -1 && lowest < CPUMASK_CPUS);
    cpumask_text(&mask, text, sizeof text);
    int first = cpulist_parse(text, &again);
    MUST(memcmp(&mask, &again, sizeof mask) == 0);
    MUST(first == lowest);
    char small[32];
    cpumask_text(&mask, small, sizeof small);
    MUST(memchr(small, 0, sizeof small));
    free(list);
    return 0;
}
