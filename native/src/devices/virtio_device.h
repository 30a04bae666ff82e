#ifndef KTSTR_DEVICES_VIRTIO_DEVICE_H
#define KTSTR_DEVICES_VIRTIO_DEVICE_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "devices/virtqueue.h"

namespace ktstr {

/** The functions of a transport for its device. Any thread may call them. */
struct VirtioTransport {
    /** Makes the I/O thread serve the queues soon. */
    std::function<void()> wake;
    /** Tells the driver that the configuration changed. */
    std::function<void()> configuration_changed;
};

/** A virtio device without its transport. */
class VirtioDevice {
  public:
    virtual ~VirtioDevice() = default;

    /** virtio 1.2, chapter 5. */
    virtual uint32_t id() const = 0;
    virtual size_t queue_count() const = 0;
    /** Features besides VIRTIO_F_VERSION_1, which the transport adds. */
    virtual uint64_t features() const = 0;
    /** Returns the bytes of the current configuration. Called by vCPU threads. */
    virtual std::vector<uint8_t> configuration() const = 0;
    /** Handles the requests in the queues. Called by the I/O thread, which owns the queues meanwhile. Throws
     * VirtqueueError. */
    virtual void serve(std::vector<Virtqueue> &queues) = 0;
    /** Called when the driver disables queue `queue`: partly handled buffers are not finished. Called by vCPU threads
     * while the queues are not served. */
    virtual void queue_reset(size_t) {}

    /** Sets the transport. Called once, before the machine starts. */
    void connect(VirtioTransport transport) { transport_ = std::move(transport); }

  protected:
    VirtioTransport transport_;
};

} // namespace ktstr

#endif
