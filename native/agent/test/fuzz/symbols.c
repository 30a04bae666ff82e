// /proc/kallsyms, line by line.
#include "fuzz.h"

#include "sys/symbols.h"
#include "wire/event.h"

// A line of the listing ends its 19 characters of address and type with the name; fgets cuts lines at 1023.
static bool listed(const char *name, const uint8_t *data, size_t size) {
    size_t length = strlen(name);
    for (size_t at = 0; at + 19 + length <= size; at++)
        if (memcmp(data + at + 19, name, length) == 0 && !memchr(data + at, '\n', 19))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *names[] = {"runqueues", "_text", "runqueues", "", "init_task"};
    struct str_list wanted = {sizeof names / sizeof *names, names};
    struct arena arena = {0};
    struct symbol *found;
    FILE *listing = size ? fmemopen((void *)data, size, "r") : NULL;
    uint32_t count = symbols_find(listing, &wanted, &arena, &found);
    MUST(count <= wanted.count);
    for (uint32_t i = 0; i < count; i++) {
        MUST(found[i].name && (i == 0 || strcmp(found[i - 1].name, found[i].name) <= 0));
        MUST(listed(found[i].name, data, size));
    }
    if (listing)
        fclose(listing);
    arena_free(&arena);
    return 0;
}
