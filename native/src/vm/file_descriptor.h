#ifndef KTSTR_VM_FILE_DESCRIPTOR_H
#define KTSTR_VM_FILE_DESCRIPTOR_H

#include <cstdint>
#include <utility>

namespace ktstr {

/** Owns an open file. */
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor &operator=(FileDescriptor &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    FileDescriptor(const FileDescriptor &) = delete;
    FileDescriptor &operator=(const FileDescriptor &) = delete;
    ~FileDescriptor();

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/** An eventfd: any thread may signal it, one thread waits for it. */
class Event {
  public:
    /** Throws Error. */
    Event();

    int fd() const { return fd_.get(); }
    void signal() const;
    /** Clears all signals so far without waiting. */
    void clear() const;

  private:
    FileDescriptor fd_;
};

} // namespace ktstr

#endif
