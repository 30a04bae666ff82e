#include "console.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void console_print(const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof line)
        length = sizeof line - 1;
    // The console is opened for each line because this must work both before devtmpfs is mounted (then with the node in
    // the initramfs, if any) and after. On a host the agent has no console and writes to stderr.
    int fd = getpid() == 1 ? open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
    if (write(fd >= 0 ? fd : STDERR_FILENO, line, (size_t)length) < 0)
        length = 0; // the failure can't be reported anywhere
    if (fd >= 0)
        close(fd);
}
