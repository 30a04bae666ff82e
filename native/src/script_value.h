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
 * A value that script gave, with its place for messages ("vcpus[1].apicId"). What is asked of it is checked, not
 * converted: a value of another kind is Error invalid with what it is and what is wanted. Exceptions of script's own
 * getters pass through. On the host's JavaScript thread, for as long as the call lasts.
 */
class ScriptValue {
  public:
    ScriptValue(Napi::Value value, std::string place) : value_(value), place_(std::move(place)) {}

    const Napi::Value &value() const { return value_; }
    const std::string &place() const { return place_; }
    bool absent() const { return value_.IsUndefined(); }

    /** A number or BigInt from 0 to `most`. A number beyond 2^53 - 1 may be another than the one that was meant. */
    uint64_t whole(uint64_t most) const;
    template <typename T> T whole() const { return static_cast<T>(whole(static_cast<T>(~T{0}))); }
    template <typename T> T whole_or(T otherwise) const { return absent() ? otherwise : whole<T>(); }
    /** False where it is absent. */
    bool flag() const;
    /** Without NUL, which would end it for the kernel. */
    std::string text() const;
    /** A copy of a Uint8Array's or Buffer's bytes: later getters may take the original away. */
    std::vector<uint8_t> bytes() const;
    /** A copy of a Uint32Array of whole rows. */
    std::vector<uint32_t> words(size_t row) const;

    /** A property of an object. */
    ScriptValue operator[](const char *name) const;
    /** Calls back for each element of an array of at most `most`. */
    void each(uint32_t most, const std::function<void(const ScriptValue &)> &take) const;

    /** Throws Error: the place, what is there, what is wanted. */
    [[noreturn]] void refuse(const std::string &wanted) const;

  private:
    template <typename T> std::vector<T> elements(napi_typedarray_type type, const char *name) const;

    Napi::Value value_;
    std::string place_;
};

} // namespace ktstr

#endif
