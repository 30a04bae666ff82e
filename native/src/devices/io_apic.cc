#include "devices/io_apic.h"

#include <algorithm>
#include <cstring>

namespace ktstr {

namespace {

constexpr uint64_t register_select = 0x00;
constexpr uint64_t window = 0x10;

constexpr uint8_t register_id = 0;
constexpr uint8_t register_version = 1;
constexpr uint8_t register_arbitration = 2;
constexpr uint8_t first_redirection = 0x10;

constexpr uint32_t version = 0x11;
constexpr uint32_t id_mask = 0x0f000000;

constexpr uint64_t entry_masked = 1ULL << 16;
/** Delivery status and remote IRR, which only the chip changes. */
constexpr uint64_t entry_read_only = 1ULL << 12 | 1ULL << 14;

} // namespace

IoApic::IoApic(std::function<void(const Message &)> send) : send_(std::move(send)) { entries_.fill(entry_masked); }

void IoApic::read(uint64_t offset, uint8_t *data, size_t size) {
    std::lock_guard lock(mutex_);
    uint32_t value = offset == register_select ? select_ : offset == window ? read_register() : 0;
    std::memset(data, 0, size);
    std::memcpy(data, &value, std::min(size, sizeof(value)));
}

void IoApic::write(uint64_t offset, const uint8_t *data, size_t size) {
    std::lock_guard lock(mutex_);
    uint32_t value = 0;
    std::memcpy(&value, data, std::min(size, sizeof(value)));
    if (offset == register_select)
        select_ = static_cast<uint8_t>(value);
    else if (offset == window)
        write_register(value);
}

uint32_t IoApic::read_register() const {
    switch (select_) {
    case register_id:
    case register_arbitration:
        return id_;
    case register_version:
        return version | (pins - 1) << 16;
    default: {
        unsigned pin = (select_ - first_redirection) / 2U;
        if (select_ < first_redirection || pin >= pins)
            return 0;
        return static_cast<uint32_t>(select_ & 1 ? entries_[pin] >> 32 : entries_[pin]);
    }
    }
}

void IoApic::write_register(uint32_t value) {
    if (select_ == register_id) {
        id_ = value & id_mask;
        return;
    }
    unsigned pin = (select_ - first_redirection) / 2U;
    if (select_ < first_redirection || pin >= pins)
        return;
    uint64_t &entry = entries_[pin];
    if (select_ & 1)
        entry = (entry & 0xffffffff) | static_cast<uint64_t>(value) << 32;
    else
        entry = (entry & ~0xffffffffULL) | (value & ~entry_read_only);
    if (latched_[pin] && !(entry & entry_masked))
        deliver(pin);
}

void IoApic::set_line(unsigned pin, bool level) {
    std::lock_guard lock(mutex_);
    if (pin >= pins)
        return;
    bool rising = level && !levels_[pin];
    levels_[pin] = level;
    if (!rising)
        return;
    if (entries_[pin] & entry_masked)
        latched_[pin] = true;
    else
        deliver(pin);
}

void IoApic::deliver(unsigned pin) {
    uint64_t entry = entries_[pin];
    latched_[pin] = false;
    uint32_t low = static_cast<uint32_t>(entry >> 56);
    uint32_t high = static_cast<uint32_t>(entry >> 49) & 0x7f;
    send_({low | high << 8, (entry >> 11 & 1) != 0, static_cast<uint8_t>(entry >> 8 & 7), static_cast<uint8_t>(entry)});
}

} // namespace ktstr
