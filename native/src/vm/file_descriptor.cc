#include "vm/file_descriptor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "vm/error.h"

namespace ktstr {

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0)
        close(fd_);
}

Event::Event() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_)
        throw_errno("eventfd");
}

void Event::signal() const {
    uint64_t one = 1;
    // This only fails if the counter is full, and then the event is already signalled.
    [[maybe_unused]] ssize_t written = write(fd_.get(), &one, sizeof(one));
}

void Event::clear() const {
    uint64_t count;
    // It does not matter if there is nothing to read.
    [[maybe_unused]] ssize_t taken = read(fd_.get(), &count, sizeof(count));
}

} // namespace ktstr
