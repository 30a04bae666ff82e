#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    VERSION_AT = 8,
    DATA_SIZE_AT = 12,
    INPUT_SIZE_AT = 16,
    HEAD_AT = 64,
    TAIL_AT = 128,
    INPUT_HEAD_AT = 192,
    INPUT_TAIL_AT = 256,
    DATA_AT = 4096,
    INPUT_MOST = 65536,
};

static uint32_t input_size(size_t size) {
    size_t part = size / 16 / 4096 * 4096;
    return part < INPUT_MOST ? (uint32_t)part : INPUT_MOST;
}

static uint64_t *counter(const struct ring *ring, size_t at) { return (uint64_t *)(void *)(ring->memory + at); }

void ring_format(struct ring *ring, void *memory, size_t size) {
    *ring = (struct ring){
        .memory = memory, .data_size = (uint32_t)(size - DATA_AT - input_size(size)), .input_size = input_size(size)};
    uint32_t version = 1;
    memset(memory, 0, DATA_AT);
    memcpy(ring->memory + VERSION_AT, &version, sizeof version);
    memcpy(ring->memory + DATA_SIZE_AT, &ring->data_size, sizeof ring->data_size);
    memcpy(ring->memory + INPUT_SIZE_AT, &ring->input_size, sizeof ring->input_size);
    // The host may look at any time, so the magic is stored last: it shows that the rest is valid.
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
    uint64_t tail = ring->linear ? 0 : __atomic_load_n(counter(ring, TAIL_AT), __ATOMIC_ACQUIRE);
    // The host writes the tail: a tail beyond the head must not make the ring seem larger than it is.
    return length <= ring->data_size && ring->head + length - tail <= ring->data_size;
}

size_t ring_read(struct ring *ring, uint8_t *data, size_t length) {
    uint64_t ready = __atomic_load_n(counter(ring, INPUT_HEAD_AT), __ATOMIC_ACQUIRE) - ring->input_tail;
    if (ready > ring->input_size)
        return SIZE_MAX;
    if (length > ready)
        length = ready;
    const uint8_t *input = ring->memory + DATA_AT + ring->data_size;
    size_t at = ring->input_size ? ring->input_tail % ring->input_size : 0;
    size_t until_wrap = ring->input_size - at < length ? ring->input_size - at : length;
    memcpy(data, input + at, until_wrap);
    memcpy(data + until_wrap, input, length - until_wrap);
    ring->input_tail += length;
    __atomic_store_n(counter(ring, INPUT_TAIL_AT), ring->input_tail, __ATOMIC_RELEASE);
    return length;
}

void ring_write(struct ring *ring, const uint8_t *data, size_t length) {
    size_t at = ring->head % ring->data_size;
    size_t until_wrap = ring->data_size - at < length ? ring->data_size - at : length;
    memcpy(ring->memory + DATA_AT + at, data, until_wrap);
    memcpy(ring->memory + DATA_AT, data + until_wrap, length - until_wrap);
    ring->head += length;
    __atomic_store_n(counter(ring, HEAD_AT), ring->head, __ATOMIC_RELEASE);
}
