// /proc/kallsyms, line by line.
#include "fuzz.h"

#include "event.h"
#include "symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *names[] = {"runqueues", "_text", "runqueues", "", "init_task"};
    struct str_list wanted = {sizeof names / sizeof *names, names};
    struct arena arena = {0};
    struct symbol *found;
    FILE *listing = size ? fmemopen((void *)data, size, "r") : NULL;
    uint32_t count = symbols_find(listing, &wanted, &arena, &found);
    MUST(count <= wanted.count);
    for (uint32_t i = 0; i < count; i++)
        MUST(found[i].name && (i == 0 || strcmp(found[i - 1].name, found[i].name) <= 0));
    if (listing)
        fclose(listing);
    arena_free(&arena);
    return 0;
}
