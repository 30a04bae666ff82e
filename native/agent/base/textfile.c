#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int textfile_read(const char *path, char *text, size_t size) {
    text[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    size_t used = 0;
    ssize_t done = 0;
    while (used + 1 < size && (done = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)done;
    int error = done < 0 ? errno : 0;
    close(fd);
    while (used > 0 && text[used - 1] == '\n')
        used--;
    text[used] = 0;
    return error;
}

int textfile_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return error;
}

int64_t textfile_number(const char *path, int64_t otherwise) {
    char text[64], *end;
    if (textfile_read(path, text, sizeof text) != 0)
        return otherwise;
    long long value = strtoll(text, &end, 10);
    return end == text ? otherwise : value;
}

char *textfile_whole(const char *path, size_t *length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t used = 0, capacity = 1 << 16;
    char *text = malloc(capacity + 1);
    for (ssize_t done; text && (done = read(fd, text + used, capacity - used)) > 0;) {
        used += (size_t)done;
        if (used == capacity) {
            char *grown = realloc(text, (capacity *= 2) + 1);
            if (!grown)
                free(text);
            text = grown;
        }
    }
    close(fd);
    if (text)
        text[used] = 0;
    else
        errno = ENOMEM;
    if (length)
        *length = used;
    return text;
}

uint64_t textfile_field(const char *path, const char *key, uint64_t otherwise) {
    FILE *file = fopen(path, "re");
    if (!file)
        return otherwise;
    char line[256];
    size_t length = strlen(key);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0) {
            const char *digits = line + length;
            otherwise = strtoull(digits, NULL, 10);
            break;
        }
    fclose(file);
    return otherwise;
}
