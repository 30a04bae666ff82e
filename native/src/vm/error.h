#ifndef KTSTR_VM_ERROR_H
#define KTSTR_VM_ERROR_H

#include <stdexcept>
#include <string>

namespace ktstr {

/** What a failure means to the caller that requested the machine. */
enum class ErrorCode {
    absent,        // the device node does not exist
    denied,        // the device node may not be opened
    out_of_memory, // more guest memory than the host can provide
    unsupported,   // this KVM lacks a required feature
    invalid,       // no KVM can meet the request
    io,            // everything else
};

const char *error_code_name(ErrorCode code);

/** Maps an errno value to its meaning. */
ErrorCode error_code_of(int error_number);

/** The only type of exception that this library throws itself. */
class Error : public std::runtime_error {
  public:
    Error(ErrorCode code, const std::string &message) : std::runtime_error(message), code_(code) {}

    ErrorCode code() const { return code_; }

  private:
    ErrorCode code_;
};

/** Throws the error of a system call that has just failed: `what: strerror(errno)`. */
[[noreturn]] void throw_errno(const std::string &what);

/** Formats a value as 0x… for messages. */
std::string hex(unsigned long long value);

} // namespace ktstr

#endif
