#include "btf.h"

#include <linux/btf.h>
#include <string.h>

struct sections {
    const uint8_t *types;
    const char *strings;
    size_t type_bytes, string_bytes;
};

static bool open_sections(const uint8_t *bytes, size_t size, struct sections *sections) {
    struct btf_header header;
    if (size < sizeof header)
        return false;
    memcpy(&header, bytes, sizeof header);
    if (header.magic != BTF_MAGIC || header.hdr_len > size)
        return false;
    size_t room = size - header.hdr_len;
    if (header.type_off > room || header.type_len > room - header.type_off || header.str_off > room ||
        header.str_len > room - header.str_off || header.str_len == 0)
        return false;
    *sections = (struct sections){.types = bytes + header.hdr_len + header.type_off,
                                  .strings = (const char *)bytes + header.hdr_len + header.str_off,
                                  .type_bytes = header.type_len,
                                  .string_bytes = header.str_len};
    return sections->strings[sections->string_bytes - 1] == 0;
}

// Returns the number of bytes that follow a type of this kind.
static size_t tail_bytes(const struct btf_type *type) {
    size_t count = BTF_INFO_VLEN(type->info);
    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
        return 4;
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return count * sizeof(struct btf_member);
    case BTF_KIND_ENUM:
        return count * sizeof(struct btf_enum);
    case BTF_KIND_FUNC_PROTO:
        return count * sizeof(struct btf_param);
    case BTF_KIND_DATASEC:
        return count * sizeof(struct btf_var_secinfo);
    case BTF_KIND_ENUM64:
        return count * sizeof(struct btf_enum64);
    default:
        return 0;
    }
}

static bool is_named(const struct sections *sections, uint32_t name, const char *wanted) {
    return name < sections->string_bytes && strcmp(sections->strings + name, wanted) == 0;
}

bool btf_find_field(const uint8_t *bytes, size_t size, const char *structure, const char *member,
                    struct btf_field *field) {
    struct sections sections;
    struct btf_type type;
    if (!open_sections(bytes, size, &sections))
        return false;
    const uint8_t *at = sections.types, *end = at + sections.type_bytes;
    // Type 0 is void and not in the list.
    for (uint32_t id = 1; (size_t)(end - at) >= sizeof type; id++) {
        memcpy(&type, at, sizeof type);
        at += sizeof type;
        size_t tail = tail_bytes(&type);
        if (tail > (size_t)(end - at))
            return false;
        if (BTF_INFO_KIND(type.info) == BTF_KIND_STRUCT && is_named(&sections, type.name_off, structure))
            for (uint32_t i = 0; i < BTF_INFO_VLEN(type.info); i++) {
                struct btf_member found;
                memcpy(&found, at + i * sizeof found, sizeof found);
                if (!is_named(&sections, found.name_off, member))
                    continue;
                // With the flag, the upper eight bits are the width of a bit field.
                uint32_t bits = BTF_INFO_KFLAG(type.info) ? BTF_MEMBER_BIT_OFFSET(found.offset) : found.offset;
                *field = (struct btf_field){.structure = id, .offset = bits / 8};
                return true;
            }
        at += tail;
    }
    return false;
}
