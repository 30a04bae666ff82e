// Small text files of proc, sysfs and cgroupfs.
#ifndef KTSTR_TEXTFILE_H
#define KTSTR_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads at most size − 1 bytes and drops trailing newlines. Returns 0 or an errno; on error the text is empty.
int textfile_read(const char *path, char *text, size_t size);
// Writes the text in one write(2). Returns 0 or an errno.
int textfile_write(const char *path, const char *text);
// Returns the number at the start of the file, or `otherwise` if it has none.
int64_t textfile_number(const char *path, int64_t otherwise);
// Returns the whole file followed by a NUL, which the caller frees, or NULL with errno set. If `length` is not NULL,
// stores the number of bytes there, for files that contain NULs.
char *textfile_whole(const char *path, size_t *length);
// Returns the number after `key` at the start of a line of `path`, or `otherwise` if no line starts with `key`.
uint64_t textfile_field(const char *path, const char *key, uint64_t otherwise);

#endif
