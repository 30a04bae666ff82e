// Tests the BTF reader on a small BTF built here, and on every prefix of it.
#include "check.h"

#include "sys/btf.h"

#include <linux/btf.h>

enum { INFO_FLAG = 1u << 31 };

static const char strings[] = "\0int\0inner\0a\0b\0outer\0data\0choice\0one";
enum { INT_NAME = 1, INNER = 5, A = 11, B = 13, OUTER = 15, DATA = 21, CHOICE = 26, ONE = 33 };

struct image {
    uint8_t bytes[512];
    size_t size;
};

static void add(struct image *image, const void *bytes, size_t size) {
    memcpy(image->bytes + image->size, bytes, size);
    image->size += size;
}

static void add_type(struct image *image, uint32_t name, uint32_t kind, uint32_t count, uint32_t flag) {
    struct btf_type type = {.name_off = name, .info = kind << 24 | count | flag};
    add(image, &type, sizeof type);
}

static void add_member(struct image *image, uint32_t name, uint32_t offset) {
    struct btf_member member = {.name_off = name, .type = 1, .offset = offset};
    add(image, &member, sizeof member);
}

// int, int[], enum choice, a function's arguments, struct outer { …; data at 64 }, struct inner { a at 4; b of 3 bits
// at 17 }.
static struct image make(void) {
    struct image image = {.size = sizeof(struct btf_header)};
    uint32_t integer = 32;
    struct btf_array array = {1, 1, 4};
    struct btf_enum one = {ONE, 1};
    struct btf_param params[2] = {{A, 1}, {B, 1}};
    add_type(&image, INT_NAME, BTF_KIND_INT, 0, 0);
    add(&image, &integer, sizeof integer);
    add_type(&image, 0, BTF_KIND_ARRAY, 0, 0);
    add(&image, &array, sizeof array);
    add_type(&image, CHOICE, BTF_KIND_ENUM, 1, 0);
    add(&image, &one, sizeof one);
    add_type(&image, 0, BTF_KIND_FUNC_PROTO, 2, 0);
    add(&image, params, sizeof params);
    add_type(&image, 0, BTF_KIND_PTR, 0, 0);
    add_type(&image, OUTER, BTF_KIND_STRUCT, 2, 0);
    add_member(&image, A, 0);
    add_member(&image, DATA, 64 * 8);
    add_type(&image, INNER, BTF_KIND_STRUCT, 2, INFO_FLAG);
    add_member(&image, A, 4 * 8);
    add_member(&image, B, 3u << 24 | 17 * 8);
    struct btf_header header = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof header, .str_len = sizeof strings};
    header.type_len = header.str_off = (uint32_t)(image.size - sizeof header);
    memcpy(image.bytes, &header, sizeof header);
    add(&image, strings, sizeof strings);
    return image;
}

int main(void) {
    struct checks checks = {0};
    struct image image = make();
    struct btf_field field = {0};
    CHECK(&checks, btf_find_field(image.bytes, image.size, "outer", "data", &field));
    CHECK(&checks, field.structure == 6 && field.offset == 64);
    CHECK(&checks, btf_find_field(image.bytes, image.size, "inner", "a", &field));
    CHECK(&checks, field.structure == 7 && field.offset == 4);
    CHECK(&checks, btf_find_field(image.bytes, image.size, "inner", "b", &field) && field.offset == 17);
    CHECK(&checks, !btf_find_field(image.bytes, image.size, "inner", "data", &field));
    CHECK(&checks, !btf_find_field(image.bytes, image.size, "choice", "one", &field));
    // Nothing beyond a truncated BTF is read: each prefix is placed so that it ends at the end of its memory.
    for (size_t size = 0; size < image.size; size++) {
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, image.bytes, size);
        CHECK(&checks, !btf_find_field(cut, size, "inner", "b", &field));
        free(cut);
    }
    image.bytes[0] ^= 1;
    CHECK(&checks, !btf_find_field(image.bytes, image.size, "outer", "data", &field));
    return check_end(&checks, "btf");
}
