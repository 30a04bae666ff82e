#ifndef KTSTR_DEVICES_I8042_H
#define KTSTR_DEVICES_I8042_H

#include <atomic>
#include <functional>

#include "vm/io_bus.h"

namespace ktstr {

/**
 * The part of a keyboard controller that resets a PC (IBM PS/2 Hardware Interface Technical Reference, keyboard
 * controller). No keyboard is attached. Accessed by vCPU threads.
 */
class I8042 final : public IoDevice {
  public:
    static constexpr uint64_t data_port = 0x60;
    static constexpr uint64_t command_port = 0x64;

    /** `reset` is called on a vCPU thread. */
    explicit I8042(std::function<void()> reset) : reset_(std::move(reset)) {}

    /** Adds both ports to the bus; the port between them belongs to the PIT. */
    void attach(IoBus &ports);

    void read(uint64_t offset, uint8_t *data, size_t size) override;
    void write(uint64_t offset, const uint8_t *data, size_t size) override;

  private:
    /** The command port has a separate range, so that each port's offset is 0. */
    class CommandPort final : public IoDevice {
      public:
        explicit CommandPort(I8042 &controller) : controller_(controller) {}
        void read(uint64_t offset, uint8_t *data, size_t size) override;
        void write(uint64_t offset, const uint8_t *data, size_t size) override;

      private:
        I8042 &controller_;
    };

    const std::function<void()> reset_;
    CommandPort command_{*this};
    /** The next byte on the data port goes to the output port, whose bit 0 is the CPU's active-low reset line. */
    std::atomic<bool> writes_output_port_{false};
};

} // namespace ktstr

#endif
