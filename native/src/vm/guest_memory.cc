#include "vm/guest_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "vm/error.h"

namespace ktstr {

namespace {

constexpr size_t page_size = 4096;
constexpr size_t huge_page_size = 2UL << 20;
/** Constants of linux/mempolicy.h and linux/mman.h that older headers lack. */
constexpr int mpol_bind = 2;
constexpr int map_huge_2mb = 21 << 26;
constexpr int madv_populate_write = 23;

std::string mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

[[noreturn]] void throw_too_large(uint64_t size, const std::string &why) {
    throw Error(ErrorCode::out_of_memory, "can't allocate " + mib(size) + " of guest memory: " + why);
}

uint64_t add_up(const std::vector<Segment> &segments, size_t alignment) {
    uint64_t sum = 0;
    uint64_t end = 0;
    for (const Segment &segment : segments) {
        if (segment.size == 0 || segment.size % alignment != 0 || segment.address % page_size != 0 ||
            segment.address < end || segment.address + segment.size < segment.address)
            throw Error(ErrorCode::invalid, "guest memory of " + std::to_string(segment.size) + " bytes at " +
                                                hex(segment.address) + " is not a run of whole pages of " +
                                                std::to_string(alignment) + " bytes behind the one before");
        end = segment.address + segment.size;
        sum += segment.size;
    }
    if (sum == 0)
        throw Error(ErrorCode::invalid, "a machine needs memory");
    return sum;
}

/** Rejects sizes beyond the host's RAM and swap, which no overcommit policy can provide. */
void check_host_has(uint64_t size) {
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return;
    uint64_t total = (static_cast<uint64_t>(info.totalram) + info.totalswap) * info.mem_unit;
    if (size > total)
        throw_too_large(size, "this machine has " + mib(total) + " (RAM and swap)");
}

/** Maps memory aligned to 2 MiB, so that the host's 2 MiB pages can back those of the guest. */
void *map_aligned(size_t size) {
    void *reserved =
        mmap(nullptr, size + huge_page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return MAP_FAILED;
    uintptr_t from = reinterpret_cast<uintptr_t>(reserved);
    uintptr_t at = (from + huge_page_size - 1) & ~(huge_page_size - 1);
    void *data = mmap(reinterpret_cast<void *>(at), size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    int error_number = errno;
    if (data == MAP_FAILED) {
        munmap(reserved, size + huge_page_size);
    } else {
        if (at > from)
            munmap(reserved, at - from);
        munmap(reinterpret_cast<void *>(at + size), from + huge_page_size - at);
    }
    errno = error_number;
    return data;
}

} // namespace

GuestMemory::GuestMemory(std::vector<Segment> segments, const MemoryOptions &options) : segments_(std::move(segments)) {
    size_ = add_up(segments_, options.huge_pages ? huge_page_size : page_size);
    check_host_has(size_);
    void *data = options.huge_pages ? mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | map_huge_2mb, -1, 0)
                                    : map_aligned(size_);
    if (data == MAP_FAILED) {
        if (errno == ENOMEM)
            throw_too_large(size_, options.huge_pages ? "not enough free 2 MiB pages are reserved on the host"
                                                      : "the host has not as much free");
        throw_errno("mmap of " + mib(size_) + " of guest memory");
    }
    data_ = static_cast<uint8_t *>(data);
    // This fails on kernels without transparent huge pages; small pages work as well.
    if (!options.huge_pages)
        madvise(data_, size_, MADV_HUGEPAGE);
    // A child process does not need the memory, and it must not force copies of pages that the guest writes.
    madvise(data_, size_, MADV_DONTFORK);
    madvise(data_, size_, MADV_DONTDUMP);
    try {
        bind();
        if (options.huge_pages)
            populate();
    } catch (...) {
        munmap(data_, size_);
        throw;
    }
}

GuestMemory::~GuestMemory() { munmap(data_, size_); }

void GuestMemory::bind() const {
    size_t offset = 0;
    for (const Segment &segment : segments_) {
        if (segment.host_node >= 0) {
            std::vector<unsigned long> mask(static_cast<size_t>(segment.host_node) / 64 + 1);
            mask[static_cast<size_t>(segment.host_node) / 64] = 1UL << (segment.host_node % 64);
            // mbind(2): maxnode is one more than the number of bits in the mask.
            if (syscall(SYS_mbind, data_ + offset, segment.size, mpol_bind, mask.data(), mask.size() * 64 + 1, 0) != 0)
                throw_errno("mbind of guest memory to host NUMA node " + std::to_string(segment.host_node));
        }
        offset += segment.size;
    }
}

/**
 * Populates all pages now, because a reservation may fail later on the requested node or against a cgroup's limit:
 * touching a missing page would raise SIGBUS, whereas here it is an error.
 */
void GuestMemory::populate() const {
    // Kernels before 5.14 do not support this request.
    if (madvise(data_, size_, madv_populate_write) != 0 && errno != EINVAL)
        throw_too_large(size_, "not enough free 2 MiB pages are reserved on the host");
}

uint8_t *GuestMemory::at(uint64_t address, uint64_t length) const {
    size_t offset = 0;
    uint8_t *found = nullptr;
    for (const Segment &segment : segments_) {
        if (address >= segment.address && address - segment.address < segment.size) {
            uint64_t within = address - segment.address;
            if (found == nullptr)
                found = data_ + offset + within;
            if (length <= segment.size - within)
                return found;
            length -= segment.size - within;
            address = segment.address + segment.size;
        }
        offset += segment.size;
    }
    return nullptr;
}

void GuestMemory::discard() const { madvise(data_, size_, MADV_DONTNEED); }

} // namespace ktstr
