#ifndef KTSTR_VM_MEMORY_LOADER_H
#define KTSTR_VM_MEMORY_LOADER_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vm/error.h"
#include "vm/file_descriptor.h"
#include "vm/guest_memory.h"

namespace ktstr {

/** A part of an open file and where in guest-physical memory it goes. */
struct FilePart {
    uint64_t address;
    int fd;
    uint64_t offset;
    uint64_t size;
};

/**
 * Reads parts of files into guest memory on threads of its own, while the rest of the machine is made. The files may be
 * closed meanwhile.
 */
class MemoryLoader {
  public:
    /** Begins. Throws Error: invalid for a part that is not in RAM, io. */
    MemoryLoader(std::shared_ptr<GuestMemory> memory, const std::vector<FilePart> &parts);
    /** Ends what is under way; what was not read then is missing. */
    ~MemoryLoader();
    MemoryLoader(const MemoryLoader &) = delete;
    MemoryLoader &operator=(const MemoryLoader &) = delete;

    const std::shared_ptr<GuestMemory> &memory() const { return memory_; }
    /** Waits until all is there. Throws Error io when something could not be read. Any thread may call it, also again.
     */
    void wait();

  private:
    struct Chunk {
        uint8_t *to;
        int fd;
        uint64_t offset;
        uint64_t size;
    };

    void plan(const FilePart &part, int fd);
    void start_threads();
    void run();
    std::optional<Error> read(const Chunk &chunk) const;

    const std::shared_ptr<GuestMemory> memory_;
    std::vector<FileDescriptor> files_;
    std::vector<Chunk> chunks_;
    std::atomic<size_t> next_{0};

    std::mutex mutex_;
    std::condition_variable ended_;
    size_t running_ = 0;
    std::optional<Error> error_;
    std::vector<std::thread> threads_;
};

} // namespace ktstr

#endif
