#ifndef KTSTR_DEVICES_VIRTIO_MMIO_H
#define KTSTR_DEVICES_VIRTIO_MMIO_H

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "devices/virtio_device.h"
#include "vm/file_descriptor.h"
#include "vm/io_bus.h"

namespace ktstr {

/**
 * The registers of a virtio device in memory (virtio 1.2, 4.2). vCPU threads access the registers and the I/O thread
 * serves the queues; one lock separates them, except for the interrupt and notification registers, which need no lock.
 */
class VirtioMmio final : public IoDevice {
  public:
    static constexpr uint64_t register_bytes = 0x1000;
    static constexpr uint64_t queue_notify = 0x50;

    /**
     * Device and memory must outlive the transport. `interrupt` pulses the device's line, on any thread. Throws Error.
     */
    VirtioMmio(VirtioDevice &device, const GuestMemory &memory, std::function<void()> interrupt);

    void read(uint64_t offset, uint8_t *data, size_t size) override;
    void write(uint64_t offset, const uint8_t *data, size_t size) override;

    /** Returns the event that is signalled when there is something to serve. */
    const Event &doorbell() const { return doorbell_; }
    /** Serves the queues. Called by the I/O thread, or when no other thread is left. */
    void serve();

  private:
    uint32_t read_register(uint64_t offset);
    void write_register(uint64_t offset, uint32_t value);
    void write_queue_register(uint64_t offset, uint32_t value);
    void write_status(uint32_t value);
    void read_configuration(uint64_t offset, uint8_t *data, size_t size) const;
    void reset_queue(size_t queue);
    void break_device();
    void raise(uint32_t reason);
    Virtqueue *selected();

    VirtioDevice &device_;
    const std::function<void()> interrupt_;
    Event doorbell_;
    std::atomic<uint32_t> interrupt_status_{0};
    std::atomic<uint32_t> generation_{0};
    std::mutex mutex_;
    std::vector<Virtqueue> queues_;
    uint64_t driver_features_ = 0;
    uint32_t device_features_select_ = 0;
    uint32_t driver_features_select_ = 0;
    uint32_t queue_select_ = 0;
    uint32_t status_ = 0;
};

} // namespace ktstr

#endif
