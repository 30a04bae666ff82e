// A command's type (2 bytes) and payload: accepted commands are read to the last byte.
#include "fuzz.h"

#include "../command_dump.h"
#include "session/execute.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return -1;
    uint8_t *payload = fuzz_copy(data + 2, size - 2);
    struct frame frame = {
        .type = (uint16_t)(data[0] | data[1] << 8), .payload = payload, .length = (uint32_t)(size - 2)};
    struct arena arena = {0};
    struct command command;
    char error[512] = "";
    bool good = command_decode(&frame, &arena, &command, error, sizeof error);
    MUST(good == (error[0] == 0));
    struct failure failure = {0};
    if (good) {
        struct text text = {0};
        dump(&text, &command);
        free(text.data);
        execute_name(&command, &failure);
        MUST(failure.where[0]);
    }
    arena_free(&arena);
    free(payload);
    return 0;
}
