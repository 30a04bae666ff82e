#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VERSION_AT = 8, LENGTH_AT = 12, DEADLINE_AT = 16, BYTES_AT = 64 };

bool handover_copy(struct handover *handover, const uint8_t *memory, size_t size, struct failure *failure) {
    uint32_t version, length;
    uint64_t deadline_ms;
    snprintf(failure->where, sizeof failure->where, "handover");
    if (size < BYTES_AT || memcmp(memory, "KTSTPLAN", 8) != 0)
        return fail_text(failure, "there is no plan");
    memcpy(&version, memory + VERSION_AT, sizeof version);
    memcpy(&length, memory + LENGTH_AT, sizeof length);
    memcpy(&deadline_ms, memory + DEADLINE_AT, sizeof deadline_ms);
    if (version != 1)
        return fail_text(failure, "version %u, this agent knows version 1", version);
    if (length > size - BYTES_AT)
        return fail_text(failure, "a plan of %u bytes does not fit in the %zu reserved", length, size - BYTES_AT);
    if (deadline_ms == 0 || deadline_ms >= 1ull << 40)
        return fail_text(failure, "a deadline of %llu ms", (unsigned long long)deadline_ms);
    *handover =
        (struct handover){.bytes = malloc(length ? length : 1), .length = length, .deadline_ns = deadline_ms * 1000000};
    if (!handover->bytes)
        return fail_errno(failure, ENOMEM, "%u bytes", length);
    memcpy(handover->bytes, memory + BYTES_AT, length);
    return true;
}

bool handover_take(struct handover *handover, uint64_t address, uint64_t size, struct failure *failure) {
    int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
    snprintf(failure->where, sizeof failure->where, "handover");
    if (fd < 0)
        return fail_errno(failure, errno, "/dev/mem");
    void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)address);
    int error = errno;
    close(fd);
    if (memory == MAP_FAILED)
        return fail_errno(failure, error, "/dev/mem");
    bool good = handover_copy(handover, memory, size, failure);
    munmap(memory, size);
    return good;
}
