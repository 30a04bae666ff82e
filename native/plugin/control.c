/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void control_send(const struct control *control, const char *format, ...) {
    char line[CONTROL_LINE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t size = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[size++] = '\n';
    for (size_t sent = 0; sent < size;) {
        ssize_t part = write(control->fd, line + sent, size - sent);
        if (part < 0 && errno != EINTR)
            return;
        sent += part > 0 ? (size_t)part : 0;
    }
}

bool control_fill(struct control *control) {
    /* The host sends no line that does not fit. */
    if (control->length == sizeof control->line)
        return false;
    ssize_t got;
    do
        got = read(control->fd, control->line + control->length, sizeof control->line - control->length);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    control->length += (size_t)got;
    return true;
}

bool control_take(struct control *control, char line[CONTROL_LINE]) {
    char *end = memchr(control->line, '\n', control->length);
    if (!end)
        return false;
    size_t length = (size_t)(end - control->line);
    memcpy(line, control->line, length);
    line[length] = 0;
    control->length -= length + 1;
    memmove(control->line, end + 1, control->length);
    return true;
}
