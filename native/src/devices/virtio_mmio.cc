#include "devices/virtio_mmio.h"

#include <algorithm>
#include <cstring>

namespace ktstr {

namespace {

/** virtio 1.2, table 4.1. */
enum Register : uint64_t {
    magic_value = 0x00,
    version = 0x04,
    device_id = 0x08,
    vendor_id = 0x0c,
    device_features = 0x10,
    device_features_sel = 0x14,
    driver_features = 0x20,
    driver_features_sel = 0x24,
    queue_sel = 0x30,
    queue_num_max = 0x34,
    queue_num = 0x38,
    queue_ready = 0x44,
    interrupt_status = 0x60,
    interrupt_ack = 0x64,
    status = 0x70,
    queue_desc_low = 0x80,
    queue_desc_high = 0x84,
    queue_driver_low = 0x90,
    queue_driver_high = 0x94,
    queue_device_low = 0xa0,
    queue_device_high = 0xa4,
    shm_len_low = 0xb0,
    shm_base_high = 0xbc,
    config_generation = 0xfc,
    config = 0x100,
};

constexpr uint32_t magic = 0x74726976;
constexpr uint32_t modern = 2;
/** "KTST". */
constexpr uint32_t vendor = 0x5453544b;
constexpr uint64_t feature_version_1 = 1ULL << 32;

constexpr uint32_t status_features_ok = 8;
constexpr uint32_t status_driver_ok = 4;
constexpr uint32_t status_needs_reset = 64;

constexpr uint32_t reason_used_buffers = 1;
constexpr uint32_t reason_configuration = 2;

void set_low(uint64_t &field, uint32_t value) { field = (field & 0xffffffff00000000) | value; }
void set_high(uint64_t &field, uint32_t value) { field = (field & 0xffffffff) | static_cast<uint64_t>(value) << 32; }

} // namespace

VirtioMmio::VirtioMmio(VirtioDevice &device, const GuestMemory &memory, std::function<void()> interrupt)
    : device_(device), interrupt_(std::move(interrupt)), queues_(device.queue_count(), Virtqueue(memory)) {
    device.connect({[this] { doorbell_.signal(); },
                    [this] {
                        generation_++;
                        std::lock_guard lock(mutex_);
                        // Virtio 1.2, 2.1.2: no interrupt before the driver is ready. A line raised before the
                        // interrupt controller is set up would end the guest.
                        if (status_ & status_driver_ok)
                            raise(reason_configuration);
                    }});
}

Virtqueue *VirtioMmio::selected() { return queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr; }

void VirtioMmio::raise(uint32_t reason) {
    interrupt_status_ |= reason;
    interrupt_();
}

void VirtioMmio::break_device() {
    status_ |= status_needs_reset;
    raise(reason_configuration);
}

void VirtioMmio::read(uint64_t offset, uint8_t *data, size_t size) {
    if (offset >= config) {
        read_configuration(offset - config, data, size);
        return;
    }
    uint32_t value = size == 4 ? read_register(offset) : 0xffffffff;
    std::memset(data, 0xff, size);
    std::memcpy(data, &value, std::min(size, sizeof(value)));
}

void VirtioMmio::write(uint64_t offset, const uint8_t *data, size_t size) {
    // No device here has writable configuration, and registers are words.
    if (offset >= config || size != 4)
        return;
    uint32_t value;
    std::memcpy(&value, data, sizeof(value));
    write_register(offset, value);
}

void VirtioMmio::read_configuration(uint64_t offset, uint8_t *data, size_t size) const {
    std::vector<uint8_t> bytes = device_.configuration();
    for (size_t i = 0; i < size; i++)
        data[i] = offset + i < bytes.size() ? bytes[offset + i] : 0;
}

uint32_t VirtioMmio::read_register(uint64_t offset) {
    if (offset == interrupt_status)
        return interrupt_status_;
    std::lock_guard lock(mutex_);
    switch (offset) {
    case magic_value:
        return magic;
    case version:
        return modern;
    case device_id:
        return device_.id();
    case vendor_id:
        return vendor;
    case device_features: {
        uint64_t features = device_.features() | feature_version_1;
        return device_features_select_ == 0   ? static_cast<uint32_t>(features)
               : device_features_select_ == 1 ? static_cast<uint32_t>(features >> 32)
                                              : 0;
    }
    case queue_num_max:
        return selected() != nullptr ? Virtqueue::max_size : 0;
    case queue_ready:
        return selected() != nullptr && selected()->layout.ready;
    case status:
        return status_;
    case config_generation:
        return generation_;
    default:
        // There is no shared memory region, so its length and base read as all ones.
        return offset >= shm_len_low && offset <= shm_base_high ? 0xffffffff : 0;
    }
}

void VirtioMmio::write_register(uint64_t offset, uint32_t value) {
    if (offset == interrupt_ack) {
        interrupt_status_ &= ~value;
        return;
    }
    if (offset == queue_notify) {
        doorbell_.signal();
        return;
    }
    std::lock_guard lock(mutex_);
    switch (offset) {
    case device_features_sel:
        device_features_select_ = value;
        break;
    case driver_features_sel:
        driver_features_select_ = value;
        break;
    case driver_features:
        if (driver_features_select_ == 0)
            set_low(driver_features_, value);
        else if (driver_features_select_ == 1)
            set_high(driver_features_, value);
        break;
    case queue_sel:
        queue_select_ = value;
        break;
    case status:
        write_status(value);
        break;
    default:
        write_queue_register(offset, value);
    }
}

void VirtioMmio::write_queue_register(uint64_t offset, uint32_t value) {
    Virtqueue *queue = selected();
    if (queue == nullptr)
        return;
    Virtqueue::Layout &layout = queue->layout;
    if (offset == queue_ready && value == 0) {
        reset_queue(queue_select_);
        return;
    }
    // virtio 1.2, 4.2.2.2: the driver must not change a queue that is in use.
    if (layout.ready)
        return;
    switch (offset) {
    case queue_num:
        layout.size = static_cast<uint16_t>(std::min<uint32_t>(value, UINT16_MAX));
        break;
    case queue_desc_low:
        set_low(layout.descriptors, value);
        break;
    case queue_desc_high:
        set_high(layout.descriptors, value);
        break;
    case queue_driver_low:
        set_low(layout.driver, value);
        break;
    case queue_driver_high:
        set_high(layout.driver, value);
        break;
    case queue_device_low:
        set_low(layout.device, value);
        break;
    case queue_device_high:
        set_high(layout.device, value);
        break;
    case queue_ready:
        try {
            queue->enable();
        } catch (const VirtqueueError &) {
            break_device();
        }
        break;
    default:
        break;
    }
}

void VirtioMmio::reset_queue(size_t queue) {
    queues_[queue].reset();
    device_.queue_reset(queue);
}

void VirtioMmio::write_status(uint32_t value) {
    if (value == 0) {
        for (size_t queue = 0; queue < queues_.size(); queue++)
            reset_queue(queue);
        driver_features_ = 0;
        status_ = 0;
        interrupt_status_ = 0;
        return;
    }
    bool refused =
        (driver_features_ & ~(device_.features() | feature_version_1)) != 0 || !(driver_features_ & feature_version_1);
    if (refused)
        value &= ~status_features_ok;
    status_ = value | (status_ & status_needs_reset);
    if (status_ & status_driver_ok)
        doorbell_.signal();
}

void VirtioMmio::serve() {
    std::lock_guard lock(mutex_);
    if (!(status_ & status_driver_ok) || status_ & status_needs_reset)
        return;
    try {
        device_.serve(queues_);
        for (Virtqueue &queue : queues_) {
            if (queue.take_interrupt())
                raise(reason_used_buffers);
        }
    } catch (const VirtqueueError &) {
        break_device();
    }
}

} // namespace ktstr
