#include "vm/outbox.h"

#include <algorithm>
#include <utility>

namespace ktstr {

const char *exit_kind_name(ExitKind kind) {
    switch (kind) {
    case ExitKind::power_off:
        return "PowerOff";
    case ExitKind::reset:
        return "Reset";
    case ExitKind::triple_fault:
        return "TripleFault";
    case ExitKind::killed:
        return "Killed";
    case ExitKind::vcpu_error:
        return "VcpuError";
    case ExitKind::device_error:
        return "DeviceError";
    }
    return "VcpuError";
}

namespace {
size_t index(Port port) { return static_cast<size_t>(port); }
} // namespace

Outbox::Appended Outbox::append(Port port, const uint8_t *bytes, size_t size) {
    Appended appended;
    {
        std::lock_guard lock(mutex_);
        std::vector<uint8_t> &kept = bytes_[index(port)];
        appended.count = std::min(size, capacity + slack - kept.size());
        kept.insert(kept.end(), bytes, bytes + appended.count);
        appended.room = kept.size() < capacity;
    }
    notify();
    return appended;
}

void Outbox::post_exit(ExitReport report) {
    {
        std::lock_guard lock(mutex_);
        exit_ = std::move(report);
    }
    notify();
}

void Outbox::post_paused() {
    {
        std::lock_guard lock(mutex_);
        paused_ = true;
    }
    notify();
}

void Outbox::post_sent(Port port) {
    {
        std::lock_guard lock(mutex_);
        sent_[index(port)] = true;
    }
    notify();
}

std::vector<uint8_t> Outbox::take(Port port) {
    std::lock_guard lock(mutex_);
    return std::exchange(bytes_[index(port)], {});
}

std::optional<ExitReport> Outbox::take_exit() {
    std::lock_guard lock(mutex_);
    return std::exchange(exit_, std::nullopt);
}

bool Outbox::take_paused() {
    std::lock_guard lock(mutex_);
    return std::exchange(paused_, false);
}

bool Outbox::take_sent(Port port) {
    std::lock_guard lock(mutex_);
    return std::exchange(sent_[index(port)], false);
}

} // namespace ktstr
