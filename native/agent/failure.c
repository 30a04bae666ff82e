#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fail_errno(struct failure *failure, int error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failure->error = error;
    int used = snprintf(failure->message, sizeof failure->message, "%s: ", strerror(error));
    vsnprintf(failure->message + used, sizeof failure->message - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_text(struct failure *failure, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failure->error = 0;
    vsnprintf(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    return false;
}
