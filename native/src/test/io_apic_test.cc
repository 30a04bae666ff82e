#include <vector>

#include "devices/io_apic.h"
#include "test/check.h"

using namespace ktstr;

namespace {

struct Bench {
    std::vector<Message> sent;
    IoApic chip{[this](const Message &message) { sent.push_back(message); }};

    uint32_t in(uint8_t index) {
        uint32_t value = index;
        chip.write(0, reinterpret_cast<uint8_t *>(&value), 4);
        chip.read(0x10, reinterpret_cast<uint8_t *>(&value), 4);
        return value;
    }
    void out(uint8_t index, uint32_t value) {
        uint32_t select = index;
        chip.write(0, reinterpret_cast<uint8_t *>(&select), 4);
        chip.write(0x10, reinterpret_cast<uint8_t *>(&value), 4);
    }
};

} // namespace

TEST("io-apic: has 24 masked pins and an id") {
    Bench b;
    CHECK(b.in(1) == 0x00170011);
    CHECK(b.in(0x10) == 0x10000 && b.in(0x3e) == 0x10000 && b.in(0x40) == 0);
    b.out(0, 0xffffffff);
    CHECK(b.in(0) == 0x0f000000);
    b.out(0x12, 0xffffffff);
    CHECK(b.in(0x12) == 0xffffafff);
}

TEST("io-apic: sends an edge to where the entry says, 15 bits wide") {
    Bench b;
    b.out(0x10 + 2 * 4 + 1, 0x2a000000 | 3 << 17);
    b.out(0x10 + 2 * 4, 0x41);
    b.chip.set_line(4, true);
    b.chip.set_line(4, true);
    CHECK(b.sent.size() == 1);
    CHECK(b.sent[0].destination == 0x32a && b.sent[0].vector == 0x41 && !b.sent[0].logical &&
          b.sent[0].delivery_mode == 0);
    b.chip.set_line(4, false);
    CHECK(b.sent.size() == 1);
    b.out(0x10 + 2 * 4, 0x941);
    b.chip.set_line(4, true);
    CHECK(b.sent.size() == 2 && b.sent[1].logical && b.sent[1].delivery_mode == 1);
    b.chip.set_line(24, true);
    CHECK(b.sent.size() == 2);
}

TEST("io-apic: keeps an edge that comes while masked") {
    Bench b;
    b.chip.set_line(3, true);
    CHECK(b.sent.empty());
    b.out(0x16, 0x33);
    CHECK(b.sent.size() == 1 && b.sent[0].vector == 0x33);
    b.out(0x16, 0x10033);
    b.out(0x16, 0x33);
    CHECK(b.sent.size() == 1);
}
