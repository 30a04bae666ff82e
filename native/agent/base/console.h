// Prints lines on the kernel console, for messages that can't go over the channel.
#ifndef KTSTR_CONSOLE_H
#define KTSTR_CONSOLE_H

void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
