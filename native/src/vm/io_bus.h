#ifndef KTSTR_VM_IO_BUS_H
#define KTSTR_VM_IO_BUS_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ktstr {

/** What answers at a range of ports or addresses. Called by any vCPU thread, several at a time. */
class IoDevice {
  public:
    virtual ~IoDevice() = default;
    /** `offset` counts from the start of the device's range; `size` is 1, 2, 4 or 8. */
    virtual void read(uint64_t offset, uint8_t *data, size_t size) = 0;
    virtual void write(uint64_t offset, const uint8_t *data, size_t size) = 0;
};

/** Ports or MMIO addresses and their devices. Filled before the vCPU threads start, constant after. */
class IoBus {
  public:
    /** The device outlives the bus. */
    void add(uint64_t address, uint64_t size, IoDevice &device);

    /** Where nothing answers, reads give ones and writes are lost, as on a PC's bus. */
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
