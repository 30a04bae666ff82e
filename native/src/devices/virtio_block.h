#ifndef KTSTR_DEVICES_VIRTIO_BLOCK_H
#define KTSTR_DEVICES_VIRTIO_BLOCK_H

#include <functional>
#include <string>

#include "devices/virtio_device.h"
#include "vm/file_descriptor.h"

namespace ktstr {

/** A disk in a file (virtio 1.2, 5.2). Its size is that of the file when opened. Served by the I/O thread. */
class VirtioBlock final : public VirtioDevice {
  public:
    static constexpr uint64_t sector_size = 512;

    /**
     * The I/O thread calls `failed` if the file can't be read or written. That is a failure of the host, and the
     * driver only sees an I/O error. Throws Error.
     */
    VirtioBlock(const std::string &path, std::function<void(const std::string &)> failed);

    uint32_t id() const override { return 2; }
    size_t queue_count() const override { return 1; }
    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void serve(std::vector<Virtqueue> &queues) override;

  private:
    /** Handles a request. Returns the number of bytes written to the guest. */
    uint32_t handle(const Chain &chain) const;
    bool within(uint64_t sector, size_t bytes) const;
    uint8_t transfer(const std::vector<iovec> &buffers, uint64_t sector, bool to_guest) const;
    uint8_t flush() const;
    /** Reports the error `error_number`, or the end of the file. */
    uint8_t fail(const std::string &what, int error_number) const;

    const std::string path_;
    const std::function<void(const std::string &)> failed_;
    FileDescriptor file_;
    uint64_t sectors_;
};

} // namespace ktstr

#endif
