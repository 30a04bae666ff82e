// Why a command failed: what ERROR and REPLY carry.
#ifndef KTSTR_FAILURE_H
#define KTSTR_FAILURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure {
    int error;           // errno; 0: none
    uint64_t waited_ns;  // how long it waited in vain; 0: it was no timeout
    uint64_t gave_up_ns; // when it stopped waiting
    char where[256];     // the command with its subject
    char message[512];
};

// Both fill in `failure` and return false, so that a failing step can return them. `fail_errno` puts strerror before
// the text.
bool fail_errno(struct failure *failure, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool fail_text(struct failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Says that the failure is a timeout after `waited_ns`, at this moment. Returns false.
bool fail_late(struct failure *failure, uint64_t waited_ns);

// Text for people: what does not fit is cut between characters, and ends in "…".
void text_print(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void text_format(char *text, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
