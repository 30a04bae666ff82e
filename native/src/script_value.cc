#include "script_value.h"

#include <cmath>
#include <cstring>

#include "vm/error.h"

namespace ktstr {

namespace {

constexpr double most_exact = 9007199254740991;
/** Messages repeat at most this many bytes of a string of script. */
constexpr size_t most_quoted = 60;

std::string description(const Napi::Value &value) {
    switch (value.Type()) {
    case napi_number:
    case napi_boolean:
    case napi_null:
    case napi_undefined:
        return value.ToString();
    case napi_bigint:
        return value.ToString().Utf8Value() + "n";
    case napi_string: {
        std::string text = value.As<Napi::String>();
        return text.size() > most_quoted ? "a string of " + std::to_string(text.size()) + " bytes" : "'" + text + "'";
    }
    case napi_symbol:
        return "a symbol";
    case napi_function:
        return "a function";
    default:
        return value.IsTypedArray() ? "another typed array" : value.IsArray() ? "an array" : "an object";
    }
}

} // namespace

void ScriptValue::refuse(const std::string &wanted) const {
    throw Error(ErrorCode::invalid, place_ + " is " + description(value_) + "; give " + wanted);
}

uint64_t ScriptValue::whole(uint64_t most) const {
    std::string wanted = "a whole number from 0 to " + std::to_string(most);
    if (value_.IsBigInt()) {
        bool lossless = false;
        uint64_t number = value_.As<Napi::BigInt>().Uint64Value(&lossless);
        if (!lossless || number > most)
            refuse(wanted);
        return number;
    }
    if (!value_.IsNumber())
        refuse(wanted);
    double number = value_.As<Napi::Number>().DoubleValue();
    if (!(number >= 0) || std::trunc(number) != number)
        refuse(wanted);
    if (number > most_exact)
        refuse(wanted + ", above 9007199254740991 as a BigInt");
    if (static_cast<uint64_t>(number) > most)
        refuse(wanted);
    return static_cast<uint64_t>(number);
}

bool ScriptValue::flag() const {
    if (absent())
        return false;
    if (!value_.IsBoolean())
        refuse("true or false");
    return value_.As<Napi::Boolean>();
}

std::string ScriptValue::text() const {
    if (!value_.IsString())
        refuse("a string");
    std::string text = value_.As<Napi::String>();
    if (text.find('\0') != std::string::npos)
        throw Error(ErrorCode::invalid, place_ + " has a NUL character; give a string without one");
    return text;
}

template <typename T> std::vector<T> ScriptValue::elements(napi_typedarray_type type, const char *name) const {
    if (!value_.IsTypedArray() || value_.As<Napi::TypedArray>().TypedArrayType() != type)
        refuse(name);
    auto array = value_.As<Napi::TypedArrayOf<T>>();
    Napi::ArrayBuffer buffer = array.ArrayBuffer();
    // Other threads could change the contents of shared buffers while they are checked.
    if (!buffer.IsArrayBuffer())
        throw Error(ErrorCode::invalid, place_ + " is in shared memory; give a copy");
    if (buffer.IsDetached())
        throw Error(ErrorCode::invalid, place_ + " is detached: its bytes were transferred; give them before");
    return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}

std::vector<uint8_t> ScriptValue::bytes() const {
    return elements<uint8_t>(napi_uint8_array, "a Uint8Array or Buffer");
}

std::vector<uint32_t> ScriptValue::words(size_t row) const {
    auto words = elements<uint32_t>(napi_uint32_array, "a Uint32Array");
    if (words.size() % row != 0)
        throw Error(ErrorCode::invalid,
                    place_ + " has " + std::to_string(words.size()) + " words; give rows of " + std::to_string(row));
    return words;
}

ScriptValue ScriptValue::operator[](const char *name) const {
    if (!value_.IsObject())
        refuse("an object");
    return {value_.As<Napi::Object>().Get(name), place_.empty() ? name : place_ + "." + name};
}

void ScriptValue::each(uint32_t most, const std::function<void(const ScriptValue &)> &take) const {
    if (!value_.IsArray())
        refuse("an array");
    auto list = value_.As<Napi::Array>();
    uint32_t length = list.Length();
    if (length > most)
        throw Error(ErrorCode::invalid,
                    place_ + " has " + std::to_string(length) + " elements; give at most " + std::to_string(most));
    for (uint32_t i = 0; i < length; i++) {
        // Frees the handles of each element, so that a long list does not pile them up.
        Napi::HandleScope scope(list.Env());
        take({list.Get(i), place_ + "[" + std::to_string(i) + "]"});
    }
}

} // namespace ktstr
