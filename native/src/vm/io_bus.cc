#include "vm/io_bus.h"

#include <cstring>

namespace ktstr {

void IoBus::add(uint64_t address, uint64_t size, IoDevice &device) { ranges_.push_back({address, size, &device}); }

const IoBus::Range *IoBus::find(uint64_t address) const {
    // There are only a few ranges, so a linear search is fastest.
    for (const Range &range : ranges_) {
        if (address >= range.address && address - range.address < range.size)
            return &range;
    }
    return nullptr;
}

void IoBus::read(uint64_t address, uint8_t *data, size_t size) const {
    if (const Range *range = find(address))
        range->device->read(address - range->address, data, size);
    else
        std::memset(data, 0xff, size);
}

void IoBus::write(uint64_t address, const uint8_t *data, size_t size) const {
    if (const Range *range = find(address))
        range->device->write(address - range->address, data, size);
}

} // namespace ktstr
