#ifndef KTSTR_DEVICES_ACPI_POWER_H
#define KTSTR_DEVICES_ACPI_POWER_H

#include <cstdint>
#include <functional>

#include "vm/io_bus.h"

namespace ktstr {

/** The write that turns the machine off, as in the ACPI tables: `(written & mask) == value` at `control`. */
struct PowerRegister {
    /** First port of the block and its size. */
    uint16_t port;
    uint16_t size;
    /** Offset of the control register in it. */
    uint16_t control;
    uint16_t mask;
    uint16_t value;
};

/**
 * The ACPI power registers (ACPI 6.5, 4.8.3.2 PM1 Control or 4.8.3.7 Sleep Control). The only event is power-off, so
 * everything reads as zero. Accessed by vCPU threads; stateless.
 */
class AcpiPower final : public IoDevice {
  public:
    /** `power_off` is called on a vCPU thread. */
    AcpiPower(const PowerRegister &layout, std::function<void()> power_off)
        : layout_(layout), power_off_(std::move(power_off)) {}

    void attach(IoBus &ports) { ports.add(layout_.port, layout_.size, *this); }

    void read(uint64_t offset, uint8_t *data, size_t size) override;
    void write(uint64_t offset, const uint8_t *data, size_t size) override;

  private:
    const PowerRegister layout_;
    const std::function<void()> power_off_;
};

} // namespace ktstr

#endif
