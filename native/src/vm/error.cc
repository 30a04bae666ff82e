#include "vm/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ktstr {

const char *error_code_name(ErrorCode code) {
    switch (code) {
    case ErrorCode::absent:
        return "Absent";
    case ErrorCode::denied:
        return "Denied";
    case ErrorCode::out_of_memory:
        return "OutOfMemory";
    case ErrorCode::unsupported:
        return "Unsupported";
    case ErrorCode::invalid:
        return "Invalid";
    case ErrorCode::io:
        return "Io";
    }
    return "Io";
}

ErrorCode error_code_of(int error_number) {
    switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return ErrorCode::absent;
    case EACCES:
    case EPERM:
        return ErrorCode::denied;
    case ENOMEM:
    case ENOSPC:
        return ErrorCode::out_of_memory;
    case ENOTTY:
    case EOPNOTSUPP:
    case ENOSYS:
        return ErrorCode::unsupported;
    case EINVAL:
    case E2BIG:
    case EEXIST:
        return ErrorCode::invalid;
    default:
        return ErrorCode::io;
    }
}

void throw_errno(const std::string &what) {
    int error_number = errno;
    throw Error(error_code_of(error_number), what + ": " + std::strerror(error_number));
}

std::string hex(unsigned long long value) {
    char text[24];
    std::snprintf(text, sizeof(text), "0x%llx", value);
    return text;
}

} // namespace ktstr
