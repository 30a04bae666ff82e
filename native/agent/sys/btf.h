// The kernel's types as described by BTF (Documentation/bpf/btf.rst).
#ifndef KTSTR_BTF_H
#define KTSTR_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf_field {
    uint32_t structure; // BTF id of the struct
    uint32_t offset;    // of the member, in bytes
};

// Finds the member of the struct with this name. Returns false if there is no such struct or member, or the bytes are
// not BTF.
bool btf_find_field(const uint8_t *bytes, size_t size, const char *structure, const char *member,
                    struct btf_field *field);

#endif
