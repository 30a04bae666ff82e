// The readers of small files, on the input as a file, against a second implementation. The first byte says how often
// the rest is repeated.
#include "fuzz.h"

#include "base/textfile.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL = 64, LINE = 256 };

// Limits of the growing and the fixed buffers.
static size_t length_of(uint8_t kind, size_t size) {
    static const size_t lengths[] = {62, 63, 64, 65, 254, 255, 256, 257, 65535, 65536, 65537};
    return size > 0 && kind < sizeof lengths / sizeof *lengths ? lengths[kind] : size;
}

static void check_small(const char *path, const char *whole, size_t length) {
    char *small = malloc(SMALL), *end;
    MUST(small && textfile_read(path, small, SMALL) == 0);
    size_t kept = length < SMALL - 1 ? length : SMALL - 1;
    while (kept && whole[kept - 1] == '\n')
        kept--;
    MUST(memcmp(small, whole, kept) == 0 && small[kept] == 0);
    long long number = strtoll(small, &end, 10);
    MUST(textfile_number(path, -7) == (end == small ? -7 : number));
    free(small);
}

// The first line, cut after 255 bytes, that begins with the key.
static void check_field(const char *path, const char *whole, size_t length, const char *key) {
    uint64_t expected = 7;
    for (size_t at = 0, next; at < length; at = next) {
        char line[LINE];
        for (next = at; next < length && next - at < LINE - 1 && (next == at || whole[next - 1] != '\n'); next++)
            line[next - at] = whole[next];
        line[next - at] = 0;
        if (strncmp(line, key, strlen(key)) == 0) {
            expected = strtoull(line + strlen(key), NULL, 10);
            break;
        }
    }
    MUST(textfile_field(path, key, 7) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("textfile", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    uint8_t kind = size ? *data++ : 255;
    size -= size > 0;
    size_t wanted = length_of(kind, size), length = 0;
    uint8_t *bytes = malloc(wanted ? wanted : 1);
    MUST(bytes);
    for (size_t at = 0; at < wanted; at += size)
        memcpy(bytes + at, data, wanted - at < size ? wanted - at : size);
    MUST(ftruncate(file, 0) == 0 && pwrite(file, bytes, wanted, 0) == (ssize_t)wanted);
    char *whole = textfile_whole(path, &length);
    MUST(whole && length == wanted && memcmp(whole, bytes, wanted) == 0 && whole[wanted] == 0);
    // Long files are only read into the growing buffer: the other readers take time and show nothing more.
    if (length < 1000) {
        check_small(path, whole, length);
        check_field(path, whole, length, "populated ");
        check_field(path, whole, length, "Node 0 MemTotal:");
    }
    free(bytes);
    free(whole);
    return 0;
}
