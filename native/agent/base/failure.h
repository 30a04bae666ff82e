// Why a command failed, as sent in ERROR and REPLY.
#ifndef KTSTR_FAILURE_H
#define KTSTR_FAILURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure {
    int error;           // errno; 0: none
    uint64_t waited_ns;  // how long the command waited before it timed out; 0: not a timeout
    uint64_t gave_up_ns; // when the command stopped waiting
    char where[256];     // the command with its subject
    char message[512];
};

// Both fill in `failure` and return false, so that a failing step can return the result. `fail_errno` puts strerror(3)
// before the text.
bool fail_errno(struct failure *failure, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool fail_text(struct failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Marks the failure as a timeout after `waited_ns` that ended now. Returns false.
bool fail_late(struct failure *failure, uint64_t waited_ns);

// Format text for people. Text that does not fit is cut between characters and ends in "…".
void text_print(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void text_format(char *text, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
