#ifndef KTSTR_VM_ERROR_H
#define KTSTR_VM_ERROR_H

#include <stdexcept>
#include <string>

namespace ktstr {

/** What a failure means to whoever asked for the machine. */
enum class ErrorCode {
    absent,        // the device node is not there
    denied,        // it may not be opened
    out_of_memory, // more guest memory than the host can give
    unsupported,   // this KVM lacks something
    invalid,       // the request can't be met by any KVM
    io,            // everything else
};

const char *error_code_name(ErrorCode code);

/** The one mapping from errno values to meanings. */
ErrorCode error_code_of(int error_number);

/** The only exception this library throws of its own. */
class Error : public std::runtime_error {
  public:
    Error(ErrorCode code, const std::string &message) : std::runtime_error(message), code_(code) {}

    ErrorCode code() const { return code_; }

  private:
    ErrorCode code_;
};

/** Throws the error of a system call that failed just now: `what: strerror(errno)`. */
[[noreturn]] void throw_errno(const std::string &what);

/** A value as 0x… for messages. */
std::string hex(unsigned long long value);

} // namespace ktstr

#endif
