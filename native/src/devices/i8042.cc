#include "devices/i8042.h"

#include <cstring>

namespace ktstr {

namespace {
constexpr uint8_t command_write_output_port = 0xd1;
/** 0xf0 to 0xff pulse the bits of the output port that are 0 in the command's low half. */
constexpr uint8_t command_pulse = 0xf0;
constexpr uint8_t not_reset = 0x01;
} // namespace

void I8042::attach(IoBus &ports) {
    ports.add(data_port, 1, *this);
    ports.add(command_port, 1, command_);
}

void I8042::read(uint64_t, uint8_t *data, size_t size) { std::memset(data, 0, size); }

void I8042::write(uint64_t, const uint8_t *data, size_t) {
    if (writes_output_port_.exchange(false) && !(data[0] & not_reset))
        reset_();
}

/** Reads the status: both buffers are empty, so commands are accepted and nothing can be read. */
void I8042::CommandPort::read(uint64_t, uint8_t *data, size_t size) { std::memset(data, 0, size); }

void I8042::CommandPort::write(uint64_t, const uint8_t *data, size_t) {
    if ((data[0] & command_pulse) == command_pulse && !(data[0] & not_reset))
        controller_.reset_();
    else
        controller_.writes_output_port_ = data[0] == command_write_output_port;
}

} // namespace ktstr
