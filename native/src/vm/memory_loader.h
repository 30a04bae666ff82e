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

/** A part of an open file and its target address in guest-physical memory. */
struct FilePart {
    uint64_t address;
    int fd;
    uint64_t offset;
    uint64_t size;
};

/**
 * Reads parts of files into guest memory on its own threads while the rest of the machine is created. The caller may
 * close the files meanwhile.
 */
class MemoryLoader {
  public:
    /** Starts to load. Throws Error: invalid for a part that is not in RAM, or io. */
    MemoryLoader(std::shared_ptr<GuestMemory> memory, const std::vector<FilePart> &parts);
    /** Stops loading; parts not read by then are missing. */
    ~MemoryLoader();
    MemoryLoader(const MemoryLoader &) = delete;
    MemoryLoader &operator=(const MemoryLoader &) = delete;

    const std::shared_ptr<GuestMemory> &memory() const { return memory_; }
    /** Waits until everything is loaded. Throws Error io if something could not be read. Any thread may call it, any
     * number of times. */
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
