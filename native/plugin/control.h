/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream between the plugin and the host: lines of words in both directions (docs/fork-server.md). */
#ifndef KTSTR_CONTROL_H
#define KTSTR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

/* Enough for three paths of /proc/PID/fd and a few numbers. */
enum { CONTROL_LINE = 512 };

struct control {
    int fd;
    size_t length;
    char line[CONTROL_LINE];
};

/* Sends one line. If the host is gone, only the next read notices. */
void control_send(const struct control *control, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits for more bytes. Returns false if the host is gone or a line is too long. */
bool control_fill(struct control *control);
/* Takes the next complete line from the buffer, without its newline. Returns false if the buffer has none. */
bool control_take(struct control *control, char line[CONTROL_LINE]);

#endif
