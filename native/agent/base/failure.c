#include "failure.h"

#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_format(char *text, size_t size, const char *format, va_list arguments) {
    static const char sign[] = "…";
    int length = vsnprintf(text, size, format, arguments);
    if (length < 0 || (size_t)length < size || size < sizeof sign)
        return;
    size_t at = size - sizeof sign;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--; // never cut within a character
    memcpy(text + at, sign, sizeof sign);
}

void text_print(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format(text, size, format, arguments);
    va_end(arguments);
}

bool fail_errno(struct failure *failure, int error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failure->error = error;
    failure->waited_ns = failure->gave_up_ns = 0;
    int used = snprintf(failure->message, sizeof failure->message, "%s: ", strerror(error));
    text_format(failure->message + used, sizeof failure->message - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_text(struct failure *failure, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failure->error = 0;
    failure->waited_ns = failure->gave_up_ns = 0;
    text_format(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_late(struct failure *failure, uint64_t waited_ns) {
    failure->waited_ns = waited_ns;
    failure->gave_up_ns = now_ns();
    return false;
}
