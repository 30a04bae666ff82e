#include "devices/acpi_power.h"

#include <algorithm>
#include <cstring>

namespace ktstr {

void AcpiPower::read(uint64_t, uint8_t *data, size_t size) { std::memset(data, 0, size); }

void AcpiPower::write(uint64_t offset, const uint8_t *data, size_t size) {
    uint16_t written = 0;
    std::memcpy(&written, data, std::min(size, sizeof(written)));
    if (offset == layout_.control && (written & layout_.mask) == layout_.value)
        power_off_();
}

} // namespace ktstr
