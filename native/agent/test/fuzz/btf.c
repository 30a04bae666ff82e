// A kernel's BTF.
#include "fuzz.h"

#include "sys/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const fields[][2] = {
        {"bpf_struct_ops_sched_ext_ops", "data"}, {"sched_ext_ops", "timeout_ms"}, {"inner", "b"}, {"", ""}};
    uint8_t *bytes = fuzz_copy(data, size);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct btf_field field = {0};
        if (btf_find_field(bytes, size, fields[i][0], fields[i][1], &field))
            MUST(field.structure > 0);
    }
    free(bytes);
    return 0;
}
