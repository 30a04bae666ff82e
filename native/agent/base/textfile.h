// Small text files of proc, sysfs and cgroupfs.
#ifndef KTSTR_TEXTFILE_H
#define KTSTR_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads at most size − 1 bytes without the trailing newline. 0 or an errno; on error the text is empty.
int textfile_read(const char *path, char *text, size_t size);
// Writes in one write(2). 0 or an errno.
int textfile_write(const char *path, const char *text);
// A number, or `otherwise` when there is none.
int64_t textfile_number(const char *path, int64_t otherwise);
// The whole file with a NUL behind it, to be freed; NULL with errno. `length`, where it is not NULL, takes the file's
// bytes, for one that holds NULs.
char *textfile_whole(const char *path, size_t *length);
// The number after `key` at the start of a line of `path`, else `otherwise`.
uint64_t textfile_field(const char *path, const char *key, uint64_t otherwise);

#endif
