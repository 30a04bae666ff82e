// The readers of small files, which here is the input.
#include "fuzz.h"

#include "textfile.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("textfile", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    MUST(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    size_t length = 0;
    char *whole = textfile_whole(path, &length), *small = malloc(64);
    MUST(whole && length == size && memcmp(whole, data, size) == 0 && whole[size] == 0);
    MUST(textfile_read(path, small, 64) == 0);
    size_t kept = strlen(small);
    MUST(kept < 64 && memcmp(small, whole, kept) == 0);
    textfile_number(path, -1);
    textfile_field(path, "populated ", 0);
    textfile_field(path, "Node 0 MemTotal:", 0);
    free(small);
    free(whole);
    return 0;
}
