#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VERSION_AT = 8, DATA_SIZE_AT = 12, HEAD_AT = 64, TAIL_AT = 128, DATA_AT = 4096 };

static uint64_t *counter(const struct ring *ring, size_t at) { return (uint64_t *)(void *)(ring->memory + at); }

void ring_format(struct ring *ring, void *memory, size_t size) {
    *ring = (struct ring){.memory = memory, .data_size = (uint32_t)(size - DATA_AT)};
    uint32_t version = 1;
    memset(memory, 0, DATA_AT);
    memcpy(ring->memory + VERSION_AT, &version, sizeof version);
    memcpy(ring->memory + DATA_SIZE_AT, &ring->data_size, sizeof ring->data_size);
    // The host may look at any time: the magic says that the rest is valid.
    uint64_t magic;
    memcpy(&magic, "KTSTRING", sizeof magic);
    __atomic_store_n(counter(ring, 0), magic, __ATOMIC_RELEASE);
}

int ring_map(struct ring *ring, uint64_t address, uint64_t size) {
    *ring = (struct ring){0};
    int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)address);
    int error = memory == MAP_FAILED ? errno : 0;
    close(fd);
    if (error == 0)
        ring_format(ring, memory, size);
    return error;
}

bool ring_fits(const struct ring *ring, size_t length) {
    uint64_t tail = __atomic_load_n(counter(ring, TAIL_AT), __ATOMIC_ACQUIRE);
    return ring->head + length - tail <= ring->data_size;
}

void ring_write(struct ring *ring, const uint8_t *data, size_t length) {
    size_t at = ring->head % ring->data_size;
    size_t until_wrap = ring->data_size - at < length ? ring->data_size - at : length;
    memcpy(ring->memory + DATA_AT + at, data, until_wrap);
    memcpy(ring->memory + DATA_AT, data + until_wrap, length - until_wrap);
    ring->head += length;
    __atomic_store_n(counter(ring, HEAD_AT), ring->head, __ATOMIC_RELEASE);
}
