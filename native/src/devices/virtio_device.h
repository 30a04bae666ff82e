#ifndef KTSTR_DEVICES_VIRTIO_DEVICE_H
#define KTSTR_DEVICES_VIRTIO_DEVICE_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "devices/virtqueue.h"

namespace ktstr {

/** What a transport does for its device. Any thread may call these. */
struct VirtioTransport {
    /** Has the queues served soon, by the I/O thread. */
    std::function<void()> wake;
    /** Tells the driver that the configuration changed. */
    std::function<void()> configuration_changed;
};

/** A kind of virtio device, without its transport. */
class VirtioDevice {
  public:
    virtual ~VirtioDevice() = default;

    /** virtio 1.2, chapter 5. */
    virtual uint32_t id() const = 0;
    virtual size_t queue_count() const = 0;
    /** Beside VIRTIO_F_VERSION_1, which the transport adds. */
    virtual uint64_t features() const = 0;
    /** The bytes of its configuration now. By vCPU threads. */
    virtual std::vector<uint8_t> configuration() const = 0;
    /** Does what the queues ask for. By the I/O thread; the queues are its own meanwhile. Throws VirtqueueError. */
    virtual void serve(std::vector<Virtqueue> &queues) = 0;
    /** The driver takes queue `queue` out of use: what is half done of its buffers is not finished. By vCPU threads,
     * while the queues are not served. */
    virtual void queue_reset(size_t) {}

    /** Once, before the machine starts. */
    void connect(VirtioTransport transport) { transport_ = std::move(transport); }

  protected:
    VirtioTransport transport_;
};

} // namespace ktstr

#endif
