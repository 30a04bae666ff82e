// The rings against a host that writes arbitrary values to its counters, and against a second implementation of the
// rules: what fits, and which bytes are where. Three bytes per step.
#include "fuzz.h"

#include "wire/ring.h"

#include <stdbool.h>

enum { PAGE = 4096, TAIL = 128, INPUT_HEAD = 192 };

static uint8_t pattern(uint64_t at) { return (uint8_t)(at % 251 + 1); }

struct checked {
    struct ring ring;
    uint8_t *expected; // the whole memory after the counters
    uint64_t *tail, *head;
    uint64_t written;
};

static void check_read(struct checked *checked, size_t length) {
    struct ring *ring = &checked->ring;
    uint64_t begin = ring->input_tail, ready = *checked->head - begin;
    // A buffer of exactly this size.
    uint8_t *bytes = malloc(length ? length : 1);
    MUST(bytes);
    size_t got = ring_read(ring, bytes, length);
    if (ready > ring->input_size) {
        MUST(got == SIZE_MAX && ring->input_tail == begin);
    } else {
        MUST(got == (length < ready ? length : ready) && ring->input_tail == begin + got);
        for (size_t i = 0; i < got; i++)
            MUST(bytes[i] == pattern((begin + i) % ring->input_size));
    }
    free(bytes);
}

static void check_write(struct checked *checked, size_t length) {
    struct ring *ring = &checked->ring;
    uint64_t used = ring->linear ? ring->head : ring->head - *checked->tail;
    bool fits = ring_fits(ring, length);
    if (used <= ring->data_size)
        MUST(fits == (length <= ring->data_size - used));
    else
        MUST(!fits || length <= ring->data_size);
    if (!fits)
        return;
    uint8_t *bytes = malloc(length ? length : 1);
    MUST(bytes);
    for (size_t i = 0; i < length; i++, checked->written++)
        checked->expected[checked->written % ring->data_size] = bytes[i] = pattern(checked->written);
    ring_write(ring, bytes, length);
    MUST(ring->head == checked->written);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t pages[] = {2, 17, 2, 18};
    size_t all = pages[size ? data[0] & 3 : 0] * PAGE, behind = all - PAGE;
    uint8_t *memory = aligned_alloc(PAGE, all);
    struct checked checked = {.expected = calloc(1, behind)};
    MUST(memory && checked.expected);
    memset(memory + PAGE, 0, behind);
    ring_format(&checked.ring, memory, all);
    MUST(checked.ring.data_size + checked.ring.input_size == behind);
    checked.ring.linear = size && (data[0] & 0xe0) == 0xe0;
    checked.tail = (uint64_t *)(void *)(memory + TAIL);
    checked.head = (uint64_t *)(void *)(memory + INPUT_HEAD);
    for (uint32_t i = 0; i < checked.ring.input_size; i++)
        checked.expected[checked.ring.data_size + i] = memory[PAGE + checked.ring.data_size + i] = pattern(i);
    for (data++; size >= 4; data += 3, size -= 3) {
        uint64_t amount = (uint64_t)(data[1] | data[2] << 8) << (data[0] >> 3 & 0xf);
        // A few bytes more or less than the limit.
        int64_t beside = (int64_t)(data[1] % 5) - 2;
        bool border = data[0] & 0x80;
        switch (data[0] & 7) {
        case 0:
            *checked.tail = border ? checked.ring.head + (uint64_t)beside : amount;
            break;
        case 1:
            *checked.tail += border ? data[1] : amount;
            break;
        case 2:
            *checked.head = border ? checked.ring.input_tail + checked.ring.input_size + (uint64_t)beside : amount;
            break;
        case 3:
            *checked.head += border ? data[1] : amount;
            break;
        case 4:
        case 5: {
            uint64_t until_wrap = checked.ring.input_size
                                      ? checked.ring.input_size - checked.ring.input_tail % checked.ring.input_size
                                      : 0;
            check_read(&checked, border ? (until_wrap + (uint64_t)beside) % all : amount % all);
            break;
        }
        default: {
            uint64_t room = *checked.tail + checked.ring.data_size - checked.ring.head;
            uint64_t until_wrap = checked.ring.data_size - checked.ring.head % checked.ring.data_size;
            uint64_t length = (data[2] & 1 ? room : until_wrap) + (uint64_t)beside;
            check_write(&checked, border ? length % all : amount % all);
        }
        }
    }
    MUST(memcmp(memory + PAGE, checked.expected, behind) == 0);
    free(memory);
    free(checked.expected);
    return 0;
}
