// The rings against a host that writes anything into its counters: three bytes a step.
#include "fuzz.h"

#include "ring.h"

enum { SIZE = 20 * 4096, TAIL = 128, INPUT_HEAD = 192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *memory = aligned_alloc(4096, SIZE), *bytes = malloc(SIZE);
    MUST(memory && bytes);
    memset(bytes, 0x5a, SIZE);
    struct ring ring;
    ring_format(&ring, memory, SIZE);
    for (; size >= 3; data += 3, size -= 3) {
        uint64_t amount = (uint64_t)(data[1] | data[2] << 8) << (data[0] >> 3);
        uint64_t *tail = (uint64_t *)(void *)(memory + TAIL), *head = (uint64_t *)(void *)(memory + INPUT_HEAD);
        switch (data[0] & 7) {
        case 0:
            *tail = amount;
            break;
        case 1:
            *tail += amount;
            break;
        case 2:
            *head = amount;
            break;
        case 3:
            *head += amount;
            break;
        case 4:
            MUST(ring_read(&ring, bytes, amount % SIZE) == SIZE_MAX || ring.input_tail <= *head);
            break;
        default:
            if (ring_fits(&ring, amount % SIZE))
                ring_write(&ring, bytes, amount % SIZE);
        }
    }
    free(memory);
    free(bytes);
    return 0;
}
