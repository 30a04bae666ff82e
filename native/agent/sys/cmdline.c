#include "cmdline.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void not_understood(struct cmdline *options, const char *word) {
    static const char more[] = "and others; ";
    size_t used = strlen(options->notes), room = sizeof options->notes - used;
    if (options->notes_full)
        return;
    int length = snprintf(options->notes + used, room, "%s is not understood; ", word);
    // A word is named in full or not at all.
    if (length < 0 || (size_t)length + sizeof more > room) {
        memcpy(options->notes + used, more, sizeof more);
        options->notes_full = true;
    }
}

static int choice(const char *value, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

// Parses a range of whole pages, ADDR,SIZE in hex. It has one page of header and at least one page of data; its size
// must fit in 32 bits.
static bool range(const char *value, uint64_t *address, uint64_t *size) {
    char *end = NULL;
    uint64_t from = strtoull(value, &end, 16), length = *end == ',' ? strtoull(end + 1, &end, 16) : 0;
    if (*end || length < 8192 || length > UINT32_MAX || from + length <= from || from % 4096 || length % 4096)
        return false;
    *address = from;
    *size = length;
    return true;
}

static void parse_word(struct cmdline *options, const char *word) {
    static const char *const modes[] = {"plan", "live", NULL};
    static const char *const clocks[] = {"auto", "deterministic", NULL};
    static const char *const traces[] = {"off", "on", NULL};
    static const char *const faults[] = {"none", "crash", "torn", "crc", "hang", "mute", NULL};
    const char *value = strchr(word, '=');
    if (!value) {
        not_understood(options, word);
        return;
    }
    size_t key = (size_t)(value - word);
    value++;
    char *end = NULL;
    if (strncmp(word, "ktstr.ring", key) == 0 && key == 10) {
        if (range(value, &options->ring_address, &options->ring_size))
            return;
    } else if (strncmp(word, "ktstr.plan", key) == 0 && key == 10) {
        if (range(value, &options->plan_address, &options->plan_size))
            return;
    } else if (strncmp(word, "ktstr.deadline_ms", key) == 0 && key == 17) {
        uint64_t ms = strtoull(value, &end, 10);
        if (end != value && *end == 0 && ms > 0 && ms < 1ull << 40) {
            options->deadline_ns = ms * 1000000;
            return;
        }
    } else if (strncmp(word, "ktstr.mode", key) == 0 && key == 10) {
        int mode = choice(value, modes);
        if (mode >= 0) {
            options->mode = (enum mode)mode;
            return;
        }
    } else if (strncmp(word, "ktstr.clock", key) == 0 && key == 11) {
        int clock = choice(value, clocks);
        if (clock >= 0) {
            options->deterministic = clock == 1;
            return;
        }
    } else if (strncmp(word, "ktstr.trace", key) == 0 && key == 11) {
        int trace = choice(value, traces);
        if (trace >= 0) {
            options->trace = trace == 1;
            return;
        }
    } else if (strncmp(word, "ktstr.fault", key) == 0 && key == 11) {
        int fault = choice(value, faults);
        if (fault >= 0) {
            options->fault = (enum fault)fault;
            return;
        }
    }
    not_understood(options, word);
}

struct cmdline cmdline_defaults(void) {
    return (struct cmdline){.deadline_ns = 600000000000ull, .mode = MODE_PLAN};
}

void cmdline_take(struct cmdline *options, const char *word) {
    if (strncmp(word, "ktstr.", 6) == 0)
        parse_word(options, word);
}

// Blanks between double quotes are part of a word, as in the kernel (lib/cmdline.c, next_arg).
static size_t word_length(const char *text) {
    bool quoted = false;
    size_t length = 0;
    for (; text[length] && (quoted || !isspace((unsigned char)text[length])); length++)
        quoted ^= text[length] == '"';
    return length;
}

struct cmdline cmdline_parse(const char *text) {
    struct cmdline options = cmdline_defaults();
    for (size_t length; *text; text += length) {
        while (isspace((unsigned char)*text))
            text++;
        length = word_length(text);
        char word[128];
        if (strncmp(text, "ktstr.", 6) != 0)
            continue;
        if (length < sizeof word)
            memcpy(word, text, length);
        // No valid key and value is this long.
        else
            snprintf(word, sizeof word, "%.100s…", text);
        word[length < sizeof word ? length : strlen(word)] = 0;
        cmdline_take(&options, word);
    }
    return options;
}
