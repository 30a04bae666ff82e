/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream between the plugin and the host: lines of words in both directions (docs/fork-server.md). */
#ifndef KTSTR_CONTROL_H
#define KTSTR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

/* Two paths of /proc/PID/fd and a number or two. */
enum { CONTROL_LINE = 512 };

struct control {
    int fd;
    size_t length;
    char line[CONTROL_LINE];
};

/* Sends one line. The host's absence is noticed by reading. */
void control_send(const struct control *control, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits for more bytes. False: the host is gone. */
bool control_fill(struct control *control);
/* Takes the next whole line out of the buffer, without its newline; false: there is none. */
bool control_take(struct control *control, char line[CONTROL_LINE]);

#endif
