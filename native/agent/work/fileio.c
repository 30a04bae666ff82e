#include "fileio.h"

#include "failure_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t wrap_bytes = 16 << 20;
static const uint32_t unit_bytes = 4096;

static int fill(int fd, uint64_t bytes, const uint8_t *block, uint32_t block_bytes) {
    for (uint64_t at = 0; at < bytes;) {
        uint64_t left = bytes - at;
        ssize_t written = pwrite(fd, block, left < block_bytes ? left : block_bytes, (off_t)at);
        if (written < 0 && errno != EINTR)
            return errno;
        at += written > 0 ? (uint64_t)written : 0;
    }
    return 0;
}

int fileio_open(struct interp *interp, const char *scratch) {
    interp->file = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (interp->file < 0)
        return errno;
    int error = fill(interp->file, interp->program->file_span, interp->transfer, interp->program->transfer_bytes);
    if (error)
        return error;
    // On a file system without direct I/O this open fails; reads then go through the page cache.
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", interp->file);
    interp->direct_file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    return 0;
}

// Counts the 4 KiB blocks of a transfer as work units. Returns false after a stop request.
static bool count_units(struct probe *probe, uint64_t bytes) {
    uint64_t units = (bytes + unit_bytes - 1) / unit_bytes;
    while (units >= probe->budget) {
        units -= probe->budget;
        probe->budget = 0;
        checkpoint(probe);
    }
    probe->budget -= (uint32_t)units;
    return !stop_requested(probe);
}

void fileio_write(struct interp *interp, uint64_t bytes, uint32_t block) {
    while (bytes > 0) {
        uint32_t size = bytes < block ? (uint32_t)bytes : block;
        if (interp->write_at + size > wrap_bytes)
            interp->write_at = 0;
        ssize_t written = pwrite(interp->file, interp->transfer, size, (off_t)interp->write_at);
        if (written < 0) {
            if (errno == EINTR && !stop_requested(&interp->probe))
                continue;
            if (errno != EINTR)
                note_failure(interp->probe.page, OP_FILE_WRITE, errno);
            interp->write_at = 0; // disk full: blocks written before can be overwritten
            return;
        }
        interp->write_at += (uint64_t)written;
        bytes -= size;
        if (!count_units(&interp->probe, (uint64_t)written))
            return;
    }
}

void fileio_read(struct interp *interp, const struct instruction *instruction) {
    uint64_t bytes = instruction->x, span = instruction->y;
    uint32_t block = instruction->a;
    bool random = instruction->flags & 1, direct = (instruction->flags & 2) && interp->direct_file >= 0;
    int fd = direct ? interp->direct_file : interp->file;
    while (bytes > 0) {
        uint32_t size = bytes < block && !direct ? (uint32_t)bytes : block;
        if (random)
            interp->read_at = probe_below(&interp->probe, span / block) * block;
        else if (interp->read_at + size > span)
            interp->read_at = 0;
        ssize_t done = pread(fd, interp->transfer, size, (off_t)interp->read_at);
        if (done < 0) {
            if (errno == EINTR && !stop_requested(&interp->probe))
                continue;
            if (errno != EINTR)
                note_failure(interp->probe.page, OP_FILE_READ, errno);
            return;
        }
        interp->read_at += size;
        bytes -= size < bytes ? size : bytes;
        if (!count_units(&interp->probe, (uint64_t)done))
            return;
    }
}

void fileio_sync(struct interp *interp) {
    uint64_t start = call_start(&interp->probe);
    int result;
    do
        result = fsync(interp->file);
    while (result < 0 && errno == EINTR && !stop_requested(&interp->probe));
    if (result < 0 && errno != EINTR)
        note_failure(interp->probe.page, OP_FILE_SYNC, errno);
    call_end(&interp->probe, start, start);
}
