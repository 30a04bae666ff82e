#ifndef KTSTR_SCRIPT_VALUE_H
#define KTSTR_SCRIPT_VALUE_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ktstr {

/**
 * A value passed by script, with its place for messages ("vcpus[1].apicId"). Values are checked, not converted: a
 * value of another kind throws Error invalid, which says what it is and what is wanted. Exceptions of script's own
 * getters pass through. Only valid on the host's JavaScript thread during the call.
 */
class ScriptValue {
  public:
    ScriptValue(Napi::Value value, std::string place) : value_(value), place_(std::move(place)) {}

    const Napi::Value &value() const { return value_; }
    const std::string &place() const { return place_; }
    bool absent() const { return value_.IsUndefined(); }

    /** Returns a number or BigInt from 0 to `most`. Rejects numbers beyond 2^53 - 1, which may be inexact. */
    uint64_t whole(uint64_t most) const;
    template <typename T> T whole() const { return static_cast<T>(whole(static_cast<T>(~T{0}))); }
    template <typename T> T whole_or(T otherwise) const { return absent() ? otherwise : whole<T>(); }
    /** Returns the boolean; false if it is absent. */
    bool flag() const;
    /** Returns the string. Rejects NUL, which would end the string for the kernel. */
    std::string text() const;
    /** Returns a copy of the bytes of a Uint8Array or Buffer: later getters may detach the original. */
    std::vector<uint8_t> bytes() const;
    /** Returns a copy of a Uint32Array of whole rows. */
    std::vector<uint32_t> words(size_t row) const;

    /** Returns a property of an object. */
    ScriptValue operator[](const char *name) const;
    /** Calls `take` for each element of an array with at most `most` elements. */
    void each(uint32_t most, const std::function<void(const ScriptValue &)> &take) const;

    /** Throws Error with the place, the actual value and what is wanted. */
    [[noreturn]] void refuse(const std::string &wanted) const;

  private:
    template <typename T> std::vector<T> elements(napi_typedarray_type type, const char *name) const;

    Napi::Value value_;
    std::string place_;
};

} // namespace ktstr

#endif
