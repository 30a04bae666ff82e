#include "symbols.h"

#include "wire/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static uint64_t kernel_code_start(void) {
    FILE *file = fopen("/proc/iomem", "re");
    char line[256];
    uint64_t start = 0;
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, " : Kernel code")) {
            start = strtoull(line, NULL, 16);
            break;
        }
    if (file)
        fclose(file);
    return start;
}

struct search {
    const char **names; // sorted
    struct symbol *found;
    uint32_t count, found_count;
};

// Parses a line such as "ffffffff81000000 T _text", with "\t[module]" appended for a symbol of a module.
static void take_line(struct search *search, char *line) {
    if (strlen(line) < 20)
        return;
    const char *name = line + 19;
    size_t length = strcspn(name, "\t\n");
    if (name[length] == '\t')
        return; // only the kernel's own symbols are wanted
    line[19 + length] = 0;
    const char **match = bsearch(&name, search->names, search->count, sizeof *search->names, compare);
    // Of several static symbols with the same name, the first counts.
    if (!match || search->found[match - search->names].name)
        return;
    search->found[match - search->names] = (struct symbol){*match, strtoull(line, NULL, 16)};
    search->found_count++;
}

uint32_t symbols_find(FILE *listing, const struct str_list *wanted, struct arena *arena, struct symbol **found) {
    struct search search = {.count = wanted->count,
                            .names = arena_alloc(arena, wanted->count, sizeof *search.names),
                            .found = arena_alloc(arena, wanted->count, sizeof *search.found)};
    memcpy(search.names, wanted->items, wanted->count * sizeof *search.names);
    qsort(search.names, search.count, sizeof *search.names, compare);
    char line[1024];
    while (listing && search.found_count < search.count && fgets(line, sizeof line, listing))
        take_line(&search, line);
    uint32_t count = 0;
    for (uint32_t i = 0; i < search.count; i++)
        if (search.found[i].name)
            search.found[count++] = search.found[i];
    *found = search.found;
    return count;
}

void symbols_send(struct channel *channel, const struct str_list *wanted) {
    struct arena arena = {0};
    struct symbol *found;
    // This is one pass over some 150 000 lines, so only do it if symbols are wanted.
    FILE *listing = wanted->count ? fopen("/proc/kallsyms", "re") : NULL;
    uint32_t count = symbols_find(listing, wanted, &arena, &found);
    if (listing)
        fclose(listing);
    event_symbols(channel, found, count, kernel_code_start());
    arena_free(&arena);
}
