// The kernel's own types as BTF describes them: Documentation/bpf/btf.rst.
#ifndef KTSTR_BTF_H
#define KTSTR_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf_field {
    uint32_t structure; // its type's number
    uint32_t offset;    // of the member, in bytes
};

// Where a struct of that name has the member; false: there is neither, or the bytes are no BTF.
bool btf_find_field(const uint8_t *bytes, size_t size, const char *structure, const char *member,
                    struct btf_field *field);

#endif
