#ifndef KTSTR_DEVICES_SERIAL_H
#define KTSTR_DEVICES_SERIAL_H

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "vm/io_bus.h"

namespace ktstr {

/** Sets the level of an interrupt line. Called with a device's lock held, so it must not call back. */
using InterruptLine = std::function<void(bool level)>;

/**
 * A 16550A UART (PC16550D data sheet, National Semiconductor, 1995, which also defines the names of registers and
 * bits). It is infinitely fast: a byte written is sent at once if the host accepts it.
 *
 * vCPU threads access the registers, the host's thread the other end; one lock protects both.
 */
class Serial final : public IoDevice {
  public:
    static constexpr uint64_t register_count = 8;

    struct Host {
        /**
         * Takes a byte from the guest. Returns false if the guest should send no more until `output_room` is called;
         * the host must take bytes sent regardless, or report them as lost.
         */
        std::function<bool(uint8_t)> transmit;
        /** Called when the guest has read everything that was sent. */
        std::function<void()> drained;
    };

    Serial(InterruptLine line, Host host) : line_(std::move(line)), host_(std::move(host)) {}

    void read(uint64_t offset, uint8_t *data, size_t size) override;
    void write(uint64_t offset, const uint8_t *data, size_t size) override;

    /** Host: queues bytes until the guest reads them. Returns how many it has not read. */
    size_t receive(const uint8_t *bytes, size_t size);
    /** Host: reports that there is room for output again. */
    void output_room();

  private:
    uint8_t read_register(unsigned offset);
    void write_register(unsigned offset, uint8_t value);
    uint8_t receive_byte();
    void transmit_byte(uint8_t value);
    bool data_ready() const;
    uint8_t interrupt_identification() const;
    uint8_t modem_status() const;
    void update_line();

    std::mutex mutex_;
    const InterruptLine line_;
    const Host host_;
    std::deque<uint8_t> input_;
    /** In loopback mode, the bytes between transmitter and receiver. */
    std::deque<uint8_t> loop_;
    uint16_t divisor_ = 1;
    uint8_t ier_ = 0;
    uint8_t lcr_ = 0;
    uint8_t mcr_ = 0;
    uint8_t scr_ = 0;
    bool fifo_ = false;
    bool modem_used_ = false;
    bool host_has_room_ = true;
    bool thr_interrupt_ = false;
    bool level_ = false;
};

} // namespace ktstr

#endif
