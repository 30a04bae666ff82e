#include "vm/memory_loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "vm/kick_signal.h"

namespace ktstr {

namespace {

/** A multiple of the guest's huge pages, so that no two threads wait for the same page to be cleared. */
constexpr uint64_t chunk_size = 4UL << 20;
/** With more threads than this, memory bandwidth is the limit. */
constexpr size_t most_threads = 4;

/** Returns the offset of the first data from `from` on (lseek(2)), or the end of the file if only a hole is left. A
 * file system that does not report holes counts as having data everywhere. */
uint64_t next_data(int fd, uint64_t from) {
    off_t found = lseek(fd, static_cast<off_t>(from), SEEK_DATA);
    struct stat info;
    // Reading detects ranges beyond the end of the file.
    if (found < 0 && errno == ENXIO && fstat(fd, &info) == 0)
        found = info.st_size;
    return std::max(from, static_cast<uint64_t>(std::max<off_t>(found, 0)));
}

/** Returns the offset of the first hole after the data at `from`. */
uint64_t next_hole(int fd, uint64_t from) {
    off_t found = lseek(fd, static_cast<off_t>(from), SEEK_HOLE);
    return found > static_cast<off_t>(from) ? static_cast<uint64_t>(found) : UINT64_MAX;
}

} // namespace

MemoryLoader::MemoryLoader(std::shared_ptr<GuestMemory> memory, const std::vector<FilePart> &parts)
    : memory_(std::move(memory)) {
    for (const FilePart &part : parts) {
        FileDescriptor file(fcntl(part.fd, F_DUPFD_CLOEXEC, 0));
        if (!file)
            throw_errno("opening a file for guest memory again");
        plan(part, file.get());
        files_.push_back(std::move(file));
    }
    start_threads();
}

MemoryLoader::~MemoryLoader() {
    next_ = chunks_.size();
    for (std::thread &thread : threads_)
        thread.join();
}

/** Splits the part at multiples of the chunk size. Skips holes of the file, because guest memory is initially zero. */
void MemoryLoader::plan(const FilePart &part, int fd) {
    if (part.size > 0 && memory_->at(part.address, part.size) == nullptr)
        throw Error(ErrorCode::invalid, "a file of " + std::to_string(part.size) +
                                            " bytes does not fit guest memory at " + hex(part.address));
    uint64_t done = 0;
    while (done < part.size) {
        uint64_t data = std::min(part.size, next_data(fd, part.offset + done) - part.offset);
        uint64_t end = std::min(part.size, next_hole(fd, part.offset + data) - part.offset);
        for (done = data; done < end;) {
            uint64_t address = part.address + done;
            uint64_t size = std::min(end - done, chunk_size - address % chunk_size);
            chunks_.push_back({memory_->at(address, size), fd, part.offset + done, size});
            done += size;
        }
    }
}

void MemoryLoader::start_threads() {
    SignalsBlocked blocked;
    size_t processors = std::max(1U, std::thread::hardware_concurrency());
    size_t count = std::min({most_threads, processors, chunks_.size()});
    running_ = count;
    try {
        for (size_t i = 0; i < count; i++)
            threads_.emplace_back([this] { run(); });
    } catch (const std::system_error &error) {
        {
            std::lock_guard lock(mutex_);
            running_ -= count - threads_.size();
        }
        // The threads that were created do all the work.
        if (threads_.empty())
            throw Error(ErrorCode::io, std::string("no thread to load guest memory: ") + error.what());
    }
}

void MemoryLoader::run() {
    for (size_t i; (i = next_.fetch_add(1)) < chunks_.size();) {
        if (std::optional<Error> error = read(chunks_[i])) {
            std::lock_guard lock(mutex_);
            error_ = std::move(error);
            next_ = chunks_.size();
        }
    }
    std::lock_guard lock(mutex_);
    running_--;
    ended_.notify_all();
}

std::optional<Error> MemoryLoader::read(const Chunk &chunk) const {
    uint64_t done = 0;
    while (done < chunk.size) {
        ssize_t count = pread(chunk.fd, chunk.to + done, chunk.size - done, static_cast<off_t>(chunk.offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error(error_code_of(errno), std::string("reading into guest memory: ") + std::strerror(errno));
        if (count == 0)
            return Error(ErrorCode::io,
                         "the file ends at byte " + std::to_string(chunk.offset + done) + ", where more was expected");
        done += static_cast<uint64_t>(count);
    }
    return std::nullopt;
}

void MemoryLoader::wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
    if (error_)
        throw *error_;
}

} // namespace ktstr
