// Checks that print what they expected. Each test is a program that exits with 0 if all checks hold.
#ifndef KTSTR_TEST_CHECK_H
#define KTSTR_TEST_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checks {
    unsigned done, failed;
};

static inline bool check_that(struct checks *checks, bool good, const char *file, int line, const char *what) {
    checks->done++;
    if (!good) {
        checks->failed++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return good;
}

static inline bool check_text(struct checks *checks, const char *found, const char *expected, const char *file,
                              int line, const char *what) {
    bool good = strcmp(found, expected) == 0;
    check_that(checks, good, file, line, what);
    if (!good)
        fprintf(stderr, "  found    %s\n  expected %s\n", found, expected);
    return good;
}

static inline int check_end(const struct checks *checks, const char *name) {
    printf("%s: %u checks, %u failed\n", name, checks->done, checks->failed);
    return checks->failed || checks->done == 0;
}

#define CHECK(checks, condition) check_that(checks, condition, __FILE__, __LINE__, #condition)
#define CHECK_TEXT(checks, found, expected) check_text(checks, found, expected, __FILE__, __LINE__, #found)

#endif
