#include <vector>

#include "test/check.h"
#include "vm/outbox.h"

using namespace ktstr;

TEST("outbox: notifies once a round") {
    int rung = 0;
    Outbox outbox([&] { rung++; });
    uint8_t byte = 1;
    for (int i = 0; i < 2; i++) {
        auto [count, room] = outbox.append(Port::com1, &byte, 1);
        CHECK(count == 1 && room);
    }
    CHECK(rung == 1);
    outbox.begin_take();
    CHECK(outbox.take(Port::com1).size() == 2);
    CHECK(outbox.append(Port::com1, &byte, 1).count == 1);
    CHECK(rung == 2);
}

TEST("outbox: says which bytes it has no room for, and that it is full before there are any") {
    Outbox outbox([] {});
    std::vector<uint8_t> much(Outbox::capacity + 2 * Outbox::slack);
    auto [most, room] = outbox.append(Port::com2, much.data(), Outbox::capacity - 1);
    CHECK(most == Outbox::capacity - 1 && room);
    auto [one, full] = outbox.append(Port::com2, much.data(), 1);
    CHECK(one == 1 && !full);
    auto [part, still_full] = outbox.append(Port::com2, much.data(), much.size());
    CHECK(part == Outbox::slack && !still_full);
    CHECK(outbox.append(Port::com2, much.data(), 1).count == 0);
    CHECK(outbox.append(Port::com1, much.data(), 1).count == 1);
    CHECK(outbox.take(Port::com2).size() == Outbox::capacity + Outbox::slack);
    CHECK(outbox.append(Port::com2, much.data(), 1).room);
}
