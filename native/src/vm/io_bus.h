#ifndef KTSTR_VM_IO_BUS_H
#define KTSTR_VM_IO_BUS_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ktstr {

/** A device at a range of ports or addresses. Called by any vCPU thread, possibly by several at a time. */
class IoDevice {
  public:
    virtual ~IoDevice() = default;
    /** `offset` is relative to the start of the device's range; `size` is 1, 2, 4 or 8. */
    virtual void read(uint64_t offset, uint8_t *data, size_t size) = 0;
    virtual void write(uint64_t offset, const uint8_t *data, size_t size) = 0;
};

/** Ports or MMIO addresses and their devices. Filled in before the vCPU threads start, constant afterwards. */
class IoBus {
  public:
    /** Adds a device, which must outlive the bus. */
    void add(uint64_t address, uint64_t size, IoDevice &device);

    /** Without a device at the address, reads return all ones and writes are ignored, as on a PC's bus. */
    void read(uint64_t address, uint8_t *data, size_t size) const;
    void write(uint64_t address, const uint8_t *data, size_t size) const;

  private:
    struct Range {
        uint64_t address;
        uint64_t size;
        IoDevice *device;
    };
    const Range *find(uint64_t address) const;

    std::vector<Range> ranges_;
};

} // namespace ktstr

#endif
