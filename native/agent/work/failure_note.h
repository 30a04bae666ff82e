// Failed operations of a worker: all are counted and the first is kept. The agent logs them with the report.
#ifndef KTSTR_FAILURE_NOTE_H
#define KTSTR_FAILURE_NOTE_H

#include "telemetry.h"

static inline void note_failure(struct telemetry *page, uint8_t op, int error) {
    if (page->failures++ == 0) {
        page->failure_op = op;
        page->failure_errno = error;
    }
}

#endif
