#ifndef KTSTR_TEST_FUZZ_INPUT_H
#define KTSTR_TEST_FUZZ_INPUT_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ktstr {

/** Unlike assert(3), this is never compiled out. */
inline void must(bool condition) {
    if (!condition)
        __builtin_trap();
}

/** A fuzzer's bytes, taken from the front; zeroes once they are used up. */
class Input {
  public:
    Input(const uint8_t *data, size_t size) : data_(data), size_(size) {}

    bool empty() const { return size_ == 0; }
    void bytes(uint8_t *to, size_t count) {
        size_t taken = std::min(count, size_);
        std::memset(to, 0, count);
        if (taken > 0)
            std::memcpy(to, data_, taken);
        data_ += taken;
        size_ -= taken;
    }
    uint8_t byte() {
        uint8_t value;
        bytes(&value, 1);
        return value;
    }
    uint32_t word() {
        uint8_t raw[4];
        bytes(raw, sizeof(raw));
        uint32_t value;
        std::memcpy(&value, raw, sizeof(value));
        return value;
    }

  private:
    const uint8_t *data_;
    size_t size_;
};

} // namespace ktstr

#endif
