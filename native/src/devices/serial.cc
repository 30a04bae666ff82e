#include "devices/serial.h"

namespace ktstr {

namespace {

enum Register : unsigned { rbr_thr_dll, ier_dlm, iir_fcr, lcr, mcr, lsr, msr, scr };

constexpr uint8_t ier_received = 0x01;
constexpr uint8_t ier_transmitter_empty = 0x02;
constexpr uint8_t ier_mask = 0x0f;

constexpr uint8_t iir_none = 0x01;
constexpr uint8_t iir_transmitter_empty = 0x02;
constexpr uint8_t iir_received = 0x04;
constexpr uint8_t iir_fifos_enabled = 0xc0;

constexpr uint8_t fcr_enable = 0x01;
constexpr uint8_t lcr_divisor_latch = 0x80;

constexpr uint8_t mcr_dtr = 0x01;
constexpr uint8_t mcr_rts = 0x02;
constexpr uint8_t mcr_out1 = 0x04;
/** On a PC this bit connects the interrupt line. */
constexpr uint8_t mcr_out2 = 0x08;
constexpr uint8_t mcr_loop = 0x10;

constexpr uint8_t lsr_data_ready = 0x01;
constexpr uint8_t lsr_transmitter_empty = 0x60;

constexpr uint8_t msr_cts = 0x10;
constexpr uint8_t msr_dsr = 0x20;
constexpr uint8_t msr_ri = 0x40;
constexpr uint8_t msr_dcd = 0x80;

} // namespace

void Serial::read(uint64_t offset, uint8_t *data, size_t size) {
    std::lock_guard lock(mutex_);
    // A wider access is split into accesses to the byte registers.
    for (size_t i = 0; i < size; i++)
        data[i] = offset + i < register_count ? read_register(static_cast<unsigned>(offset + i)) : 0xff;
    update_line();
}

void Serial::write(uint64_t offset, const uint8_t *data, size_t size) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < size && offset + i < register_count; i++)
        write_register(static_cast<unsigned>(offset + i), data[i]);
    update_line();
}

size_t Serial::receive(const uint8_t *bytes, size_t size) {
    std::lock_guard lock(mutex_);
    input_.insert(input_.end(), bytes, bytes + size);
    update_line();
    return input_.size();
}

void Serial::output_room() {
    std::lock_guard lock(mutex_);
    if (host_has_room_)
        return;
    host_has_room_ = true;
    thr_interrupt_ = true;
    update_line();
}

uint8_t Serial::read_register(unsigned offset) {
    switch (offset) {
    case rbr_thr_dll:
        return lcr_ & lcr_divisor_latch ? static_cast<uint8_t>(divisor_) : receive_byte();
    case ier_dlm:
        return lcr_ & lcr_divisor_latch ? static_cast<uint8_t>(divisor_ >> 8) : ier_;
    case iir_fcr: {
        uint8_t value = interrupt_identification();
        // Reading the register acknowledges this one source.
        if (value == iir_transmitter_empty)
            thr_interrupt_ = false;
        return value | (fifo_ ? iir_fifos_enabled : 0);
    }
    case lcr:
        return lcr_;
    case mcr:
        return mcr_;
    case lsr:
        return (data_ready() ? lsr_data_ready : 0) | (host_has_room_ ? lsr_transmitter_empty : 0);
    case msr:
        return modem_status();
    default:
        return scr_;
    }
}

void Serial::write_register(unsigned offset, uint8_t value) {
    switch (offset) {
    case rbr_thr_dll:
        if (lcr_ & lcr_divisor_latch)
            divisor_ = static_cast<uint16_t>((divisor_ & 0xff00) | value);
        else
            transmit_byte(value);
        break;
    case ier_dlm:
        if (lcr_ & lcr_divisor_latch) {
            divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | (value << 8));
        } else {
            // Enabling this interrupt while the transmitter is empty raises it at once; drivers rely on that to start
            // sending.
            if (value & ~ier_ & ier_transmitter_empty && host_has_room_)
                thr_interrupt_ = true;
            ier_ = value & ier_mask;
        }
        break;
    case iir_fcr:
        // Clearing the receiver's FIFO discards nothing: the bytes that the host sent count as still on the wire.
        fifo_ = value & fcr_enable;
        break;
    case lcr:
        lcr_ = value;
        break;
    case mcr:
        mcr_ = value & 0x1f;
        modem_used_ = true;
        break;
    case scr:
        scr_ = value;
        break;
    default:
        break;
    }
}

/**
 * Returns whether a byte can be read. Drivers read the receiver once or twice while they set up a port, and a byte
 * read then is lost. A guest that uses the modem lines therefore receives bytes only while it requests them (RTS),
 * which it does once the port is open.
 */
bool Serial::data_ready() const {
    if (mcr_ & mcr_loop)
        return !loop_.empty();
    return !input_.empty() && (!modem_used_ || mcr_ & mcr_rts);
}

uint8_t Serial::receive_byte() {
    if (!data_ready())
        return 0;
    std::deque<uint8_t> &from = mcr_ & mcr_loop ? loop_ : input_;
    uint8_t value = from.front();
    from.pop_front();
    if (&from == &input_ && input_.empty())
        host_.drained();
    return value;
}

void Serial::transmit_byte(uint8_t value) {
    if (mcr_ & mcr_loop) {
        // The receiver's FIFO holds 16 bytes; a byte that arrives when it is full is an overrun.
        if (loop_.size() < 16)
            loop_.push_back(value);
    } else {
        host_has_room_ = host_.transmit(value);
    }
    thr_interrupt_ = host_has_room_;
}

uint8_t Serial::interrupt_identification() const {
    if (ier_ & ier_received && data_ready())
        return iir_received;
    if (ier_ & ier_transmitter_empty && thr_interrupt_)
        return iir_transmitter_empty;
    return iir_none;
}

uint8_t Serial::modem_status() const {
    if (!(mcr_ & mcr_loop))
        return msr_cts | msr_dsr | msr_dcd;
    return (mcr_ & mcr_rts ? msr_cts : 0) | (mcr_ & mcr_dtr ? msr_dsr : 0) | (mcr_ & mcr_out1 ? msr_ri : 0) |
           (mcr_ & mcr_out2 ? msr_dcd : 0);
}

void Serial::update_line() {
    bool level = interrupt_identification() != iir_none && mcr_ & mcr_out2 && !(mcr_ & mcr_loop);
    if (level == level_)
        return;
    level_ = level;
    line_(level);
}

} // namespace ktstr
