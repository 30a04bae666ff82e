#ifndef KTSTR_DEVICES_VIRTIO_BLOCK_H
#define KTSTR_DEVICES_VIRTIO_BLOCK_H

#include <string>

#include "devices/virtio_device.h"
#include "vm/file_descriptor.h"

namespace ktstr {

/** A disk in a file (virtio 1.2, 5.2). Its size is the file's when it is opened. Served by the I/O thread. */
class VirtioBlock final : public VirtioDevice {
  public:
    static constexpr uint64_t sector_size = 512;

    /** Throws Error. */
    explicit VirtioBlock(const std::string &path);

    uint32_t id() const override { return 2; }
    size_t queue_count() const override { return 1; }
    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void serve(std::vector<Virtqueue> &queues) override;

  private:
    /** Returns bytes written to the guest. */
    uint32_t handle(const Chain &chain) const;
    bool within(uint64_t sector, size_t bytes) const;

    FileDescriptor file_;
    uint64_t sectors_;
};

} // namespace ktstr

#endif
