// Port devices and the I/O APIC under arbitrary accesses of a guest and turns of the host.
#include <array>
#include <optional>

#include "devices/acpi_power.h"
#include "devices/i8042.h"
#include "devices/io_apic.h"
#include "devices/serial.h"
#include "test/fuzz/input.h"

using namespace ktstr;

namespace {

/** Checks that every access that the bus passes to a device begins within its range. */
class Within final : public IoDevice {
  public:
    Within(IoBus &bus, uint64_t address, uint64_t size, IoDevice &device) : size_(size), device_(device) {
        bus.add(address, size, *this);
    }
    void read(uint64_t offset, uint8_t *data, size_t size) override {
        must(offset < size_);
        device_.read(offset, data, size);
    }
    void write(uint64_t offset, const uint8_t *data, size_t size) override {
        must(offset < size_);
        device_.write(offset, data, size);
    }

  private:
    uint64_t size_;
    IoDevice &device_;
};

constexpr uint64_t com1 = 0x3f8, pm1 = 0x600, apic = 0x1000;
constexpr uint8_t scratch = 0x5a;

/** The I/O APIC's redirection entries according to the data sheet; lines only rise and fall. */
struct Entries {
    std::array<uint64_t, IoApic::pins> of;
    uint8_t select = 0;

    Entries() { of.fill(1 << 16); }
    void write(uint32_t value) {
        if (select < 0x10 || select >= 0x10 + 2 * IoApic::pins)
            return;
        uint64_t &entry = of[(select - 0x10) / 2];
        uint64_t high = entry >> 32, low = entry & UINT32_MAX;
        (select % 2 == 1 ? high : low) = select % 2 == 1 ? value : value & ~0x5000U;
        entry = high << 32 | low;
    }
    uint32_t read() const { return static_cast<uint32_t>(of[(select - 0x10) / 2] >> (select % 2 * 32)); }
    bool selected() const { return select >= 0x10 && select < 0x10 + 2 * IoApic::pins; }
};

template <typename T> T in(IoBus &ports, uint64_t at) {
    uint8_t bytes[sizeof(T)];
    T value;
    ports.read(at, bytes, sizeof(bytes));
    std::memcpy(&value, bytes, sizeof(value));
    return value;
}
template <typename T> void out(IoBus &ports, uint64_t at, T value) {
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(value));
    ports.write(at, bytes, sizeof(bytes));
}

/** Checks, in any state, that the loop holds 16 bytes and that bytes from the host arrive in order. */
void check_serial(IoBus &ports, Serial &serial) {
    out<uint8_t>(ports, com1 + 3, 0);
    for (uint8_t modem : {0x10, 0x02}) {
        out<uint8_t>(ports, com1 + 4, modem);
        for (size_t rest = 1 << 20; in<uint8_t>(ports, com1 + 5) & 1; rest--) {
            must(rest > 0);
            in<uint8_t>(ports, com1);
        }
    }
    const uint8_t sent[] = {1, 2, 3};
    must(serial.receive(sent, sizeof(sent)) == sizeof(sent));
    for (uint8_t byte : sent)
        must(in<uint8_t>(ports, com1) == byte);
    out<uint8_t>(ports, com1 + 4, 0x10);
    for (uint8_t i = 0; i < 20; i++)
        out<uint8_t>(ports, com1, i);
    for (uint8_t i = 0; i < 16; i++)
        must(in<uint8_t>(ports, com1 + 5) & 1 && in<uint8_t>(ports, com1) == i);
    must(!(in<uint8_t>(ports, com1 + 5) & 1));
    // The last two registers and the addresses after them.
    out<uint8_t>(ports, com1 + 7, scratch);
    must(in<uint32_t>(ports, com1 + 6) >> 8 == (0xffff00U | scratch));
    must(in<uint8_t>(ports, com1 + 8) == 0xff);
}

/** Checks that the first and the last redirection entry exist, and none after them. */
void check_entries(IoBus &ports, Entries &entries) {
    for (uint8_t select : {0x0f, 0x10, 0x11, 0x3e, 0x3f, 0x40, 0x41, 0xff}) {
        out<uint32_t>(ports, apic, select);
        entries.select = select;
        // Masked, so that nothing is delivered.
        entries.write(1 << 16 | select);
        out<uint32_t>(ports, apic + 0x10, 1 << 16 | select);
        must(in<uint32_t>(ports, apic + 0x10) == (entries.selected() ? entries.read() : 0));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input(data, size);
    IoBus ports;
    Entries entries;
    size_t sent = 0, room = input.byte();
    std::optional<unsigned> raised;
    IoApic chip([&](const Message &message) {
        // Unmasking the selected entry delivers its latched interrupt.
        uint64_t entry = entries.of[raised ? *raised : (entries.select - 0x10) / 2];
        must(!(entry >> 16 & 1) && message.vector == (entry & 0xff) && message.delivery_mode == (entry >> 8 & 7));
        must(message.destination == (entry >> 56 | (entry >> 49 & 0x7f) << 8) &&
             message.logical == ((entry >> 11 & 1) != 0));
    });
    Serial serial([](bool) {}, {[&](uint8_t) { return ++sent < room; }, [] {}});
    I8042 controller([] {});
    const uint16_t off = 0x2000;
    bool is_off = false;
    AcpiPower power({pm1, 6, 4, 0x3c00 | off, off}, [&] { is_off = true; });
    Within uart(ports, com1, Serial::register_count, serial), keys(ports, 0x60, 1, controller),
        control(ports, pm1, 6, power), interrupts(ports, apic, IoApic::register_bytes, chip);
    controller.attach(ports);
    while (!input.empty()) {
        uint8_t what = input.byte();
        size_t width = size_t{1} << (what >> 2 & 3);
        constexpr uint64_t bases[] = {com1, 0x60, pm1, apic};
        uint64_t at = bases[what >> 4 & 3] + input.byte() % 0x18;
        uint8_t bytes[8];
        switch (what & 3) {
        case 0: {
            uint64_t value = 0;
            input.bytes(bytes, width);
            std::memcpy(&value, bytes, width);
            bool chosen = at == apic, changed = at == apic + 0x10;
            if (changed)
                entries.write(static_cast<uint32_t>(value));
            is_off = false;
            ports.write(at, bytes, width);
            if (chosen)
                entries.select = static_cast<uint8_t>(value);
            if (at >= pm1 && at < pm1 + 6)
                must(is_off == (at == pm1 + 4 && (value & (0x3c00 | off)) == off));
            break;
        }
        case 1:
            ports.read(at, bytes, width);
            if (entries.selected())
                must(in<uint32_t>(ports, apic + 0x10) == entries.read());
            break;
        case 2:
            if (what & 0x40) {
                raised = at % 0x20 % (IoApic::pins + 1);
                chip.set_line(*raised, what & 0x80);
                raised.reset();
            } else {
                input.bytes(bytes, width);
                serial.receive(bytes, width);
            }
            break;
        default:
            serial.output_room();
        }
    }
    check_serial(ports, serial);
    check_entries(ports, entries);
    return 0;
}
