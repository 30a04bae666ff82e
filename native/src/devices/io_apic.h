#ifndef KTSTR_DEVICES_IO_APIC_H
#define KTSTR_DEVICES_IO_APIC_H

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>

#include "vm/io_bus.h"

namespace ktstr {

/** An interrupt on its way to local APICs. */
struct Message {
    /** Physical or logical id, up to 15 bits. */
    uint32_t destination;
    bool logical;
    uint8_t delivery_mode;
    uint8_t vector;
};

/**
 * An I/O APIC (82093AA data sheet) for machines whose APIC ids KVM's I/O APIC can't address: bits 49–55 of a
 * redirection entry are bits 8–14 of the destination, as in guests that see KVM_FEATURE_MSI_EXT_DEST_ID
 * (Documentation/virt/kvm/x86/cpuid.rst). All devices here are edge-triggered and active high, so all entries are
 * treated as such.
 *
 * vCPU threads access the registers, any thread may set the lines; one lock protects both.
 */
class IoApic final : public IoDevice {
  public:
    static constexpr uint64_t address = 0xfec00000;
    static constexpr uint64_t register_bytes = 0x1000;
    static constexpr unsigned pins = 24;

    /** `send` is called with the lock held, on the thread that set or unmasked the line. */
    explicit IoApic(std::function<void(const Message &)> send);

    void read(uint64_t offset, uint8_t *data, size_t size) override;
    void write(uint64_t offset, const uint8_t *data, size_t size) override;

    void set_line(unsigned pin, bool level);

  private:
    uint32_t read_register() const;
    void write_register(uint32_t value);
    void deliver(unsigned pin);

    const std::function<void(const Message &)> send_;
    mutable std::mutex mutex_;
    uint8_t select_ = 0;
    uint32_t id_ = 0;
    std::array<uint64_t, pins> entries_;
    std::array<bool, pins> levels_{};
    /** An edge that arrived while the entry was masked. */
    std::array<bool, pins> latched_{};
};

} // namespace ktstr

#endif
