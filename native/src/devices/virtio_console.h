#ifndef KTSTR_DEVICES_VIRTIO_CONSOLE_H
#define KTSTR_DEVICES_VIRTIO_CONSOLE_H

#include <deque>
#include <functional>
#include <mutex>

#include "devices/virtio_device.h"
#include "vm/outbox.h"

namespace ktstr {

/**
 * A console with one port and a window size (virtio 1.2, 5.3). The I/O thread moves the bytes and the host's thread is
 * the other end; the lock protects what they share.
 */
class VirtioConsole final : public VirtioDevice {
  public:
    struct Host {
        /** Takes bytes from the guest. The device keeps bytes that are not accepted, and waits for `output_room` when
         * there is no more room. */
        std::function<Outbox::Appended(const uint8_t *, size_t)> transmit;
        /** Called when the guest has room for more than was sent. */
        std::function<void()> drained;
    };

    explicit VirtioConsole(Host host) : host_(std::move(host)) {}

    uint32_t id() const override { return 3; }
    size_t queue_count() const override { return 2; }
    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void serve(std::vector<Virtqueue> &queues) override;
    void queue_reset(size_t queue) override;

    /** Host: queues bytes until the guest has room. Returns how many it has not taken. */
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
    /** Number of bytes in the next buffers to transmit that the host has already taken. */
    size_t transmitted_ = 0;
    uint16_t columns_ = 80;
    uint16_t rows_ = 24;
};

} // namespace ktstr

#endif
