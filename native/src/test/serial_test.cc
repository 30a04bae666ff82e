#include <string>
#include <vector>

#include "devices/serial.h"
#include "test/check.h"

using ktstr::Serial;

namespace {

/** A UART that records all its external effects. */
struct Bench {
    std::string sent;
    std::vector<bool> levels;
    size_t room = 1000;
    int drained = 0;
    Serial serial{[this](bool level) { levels.push_back(level); },
                  {[this](uint8_t byte) {
                       sent.push_back(static_cast<char>(byte));
                       return sent.size() < room;
                   },
                   [this] { drained++; }}};

    uint8_t in(unsigned offset) {
        uint8_t value;
        serial.read(offset, &value, 1);
        return value;
    }
    void out(unsigned offset, uint8_t value) { serial.write(offset, &value, 1); }
    void receive(const std::string &text) {
        serial.receive(reinterpret_cast<const uint8_t *>(text.data()), text.size());
    }
};

} // namespace

TEST("serial: sends and receives by polling") {
    Bench b;
    CHECK(b.in(5) == 0x60);
    b.out(0, 'a');
    CHECK(b.sent == "a");
    b.receive("xy");
    CHECK(b.in(5) == 0x61);
    CHECK(b.in(0) == 'x');
    CHECK(b.drained == 0);
    CHECK(b.in(0) == 'y');
    CHECK(b.drained == 1);
    CHECK(b.in(5) == 0x60);
    CHECK(b.levels.empty());
}

TEST("serial: is found to be a 16550A") {
    Bench b;
    b.out(1, 0xff);
    CHECK(b.in(1) == 0x0f);
    b.out(1, 0);
    b.out(2, 1);
    CHECK((b.in(2) & 0xc0) == 0xc0);
    b.out(2, 0);
    CHECK((b.in(2) & 0xc0) == 0);
    b.out(7, 0x5a);
    CHECK(b.in(7) == 0x5a);
    b.out(3, 0x80);
    b.out(0, 1);
    b.out(1, 2);
    CHECK(b.in(0) == 1 && b.in(1) == 2);
    b.out(3, 3);
    CHECK(b.in(3) == 3 && b.sent.empty());
    // drivers/tty/serial/8250/8250_port.c, autoconfig: modem lines loop back.
    b.out(4, 0x1a);
    CHECK((b.in(6) & 0xf0) == 0x90);
    b.out(0, 'q');
    CHECK(b.sent.empty() && b.in(5) & 1 && b.in(0) == 'q');
}

TEST("serial: interrupts when a byte comes and when one may be sent") {
    Bench b;
    b.out(4, 0x0b);
    b.out(1, 1);
    b.receive("x");
    CHECK((b.levels == std::vector<bool>{true}));
    CHECK((b.in(2) & 0x0f) == 4);
    CHECK(b.in(0) == 'x');
    CHECK((b.levels == std::vector<bool>{true, false}));
    // 8250_port.c, serial8250_THRE_test and start_tx: enabling the interrupt raises it at once, reading the cause
    // acknowledges it.
    b.out(1, 3);
    CHECK(b.levels.back() && (b.in(2) & 0x0f) == 2);
    CHECK(!b.levels.back() && (b.in(2) & 0x0f) == 1);
    b.out(0, 'z');
    CHECK(b.levels.back());
    b.out(1, 0);
    CHECK(!b.levels.back());
}

TEST("serial: no interrupt without OUT2") {
    Bench b;
    b.out(1, 3);
    b.receive("x");
    CHECK(b.levels.empty());
    b.out(4, 0x0a);
    CHECK((b.levels == std::vector<bool>{true}));
}

TEST("serial: holds input back while a guest that uses the modem lines does not request it") {
    Bench b;
    b.out(4, 0);
    b.receive("x");
    CHECK(b.in(5) == 0x60 && b.in(0) == 0);
    b.out(4, 3);
    CHECK(b.in(5) == 0x61 && b.in(0) == 'x');
}

TEST("serial: holds the guest up while the host takes nothing") {
    Bench b;
    b.room = 2;
    b.out(4, 0x0b);
    b.out(1, 2);
    b.out(0, 'a');
    CHECK(b.in(5) == 0x60);
    b.out(0, 'b');
    CHECK(b.in(5) == 0 && !b.levels.back());
    b.serial.output_room();
    CHECK(b.in(5) == 0x60 && b.levels.back());
}
