#ifndef KTSTR_DEVICES_VIRTIO_CONSOLE_H
#define KTSTR_DEVICES_VIRTIO_CONSOLE_H

#include <deque>
#include <functional>
#include <mutex>

#include "devices/virtio_device.h"
#include "vm/outbox.h"

namespace ktstr {

/**
 * A console of one port with a size (virtio 1.2, 5.3). The I/O thread moves the bytes, the host's thread is the other
 * end; the lock is for what they share.
 */
class VirtioConsole final : public VirtioDevice {
  public:
    struct Host {
        /** Bytes from the guest. The device keeps those that are not taken, and where there is no more room it waits
         * for `output_room`. */
        std::function<Outbox::Appended(const uint8_t *, size_t)> transmit;
        /** The guest has room for more than was sent. */
        std::function<void()> drained;
    };

    explicit VirtioConsole(Host host) : host_(std::move(host)) {}

    uint32_t id() const override { return 3; }
    size_t queue_count() const override { return 2; }
    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void serve(std::vector<Virtqueue> &queues) override;
    void queue_reset(size_t queue) override;

    /** Host: bytes to the guest, kept until it has room. Returns how many it has not taken. */
    size_t receive(const uint8_t *bytes, size_t size);
    void output_room();
    void resize(uint16_t columns, uint16_t rows);

  private:
    void fill(Virtqueue &queue);
    void drain(Virtqueue &queue);

    const Host host_;
    mutable std::mutex mutex_;
    std::deque<uint8_t> input_;
    bool host_has_room_ = true;
    /** Of the next buffers to transmit: bytes that the host has taken already. */
    size_t transmitted_ = 0;
    uint16_t columns_ = 80;
    uint16_t rows_ = 24;
};

} // namespace ktstr

#endif
