#include "devices/virtio_block.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vm/error.h"

namespace ktstr {

namespace {

constexpr uint64_t feature_seg_max = 1 << 2;
constexpr uint64_t feature_flush = 1 << 9;

/** struct virtio_blk_req (virtio 1.2, 5.2.6). */
struct RequestHeader {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};
constexpr uint32_t type_in = 0;
constexpr uint32_t type_out = 1;
constexpr uint32_t type_flush = 4;
constexpr uint32_t type_get_id = 8;
constexpr size_t id_bytes = 20;

constexpr uint8_t status_ok = 0;
constexpr uint8_t status_io_error = 1;
constexpr uint8_t status_unsupported = 2;

/** A header and a status take a descriptor each. */
constexpr uint32_t most_segments = Virtqueue::max_size - 2;

size_t copy_out(const std::vector<iovec> &from, void *to, size_t size) {
    size_t done = 0;
    for (const iovec &part : slice(from, 0, size)) {
        std::memcpy(static_cast<uint8_t *>(to) + done, part.iov_base, part.iov_len);
        done += part.iov_len;
    }
    return done;
}

void copy_in(const std::vector<iovec> &to, const void *from, size_t size) {
    size_t done = 0;
    for (const iovec &part : slice(to, 0, size)) {
        std::memcpy(part.iov_base, static_cast<const uint8_t *>(from) + done, part.iov_len);
        done += part.iov_len;
    }
}

/** Moves all bytes or says that it can't. */
template <typename Transfer>
bool transfer_all(const std::vector<iovec> &buffers, uint64_t position, Transfer transfer) {
    for (const iovec &buffer : buffers) {
        size_t done = 0;
        while (done < buffer.iov_len) {
            ssize_t moved = transfer(static_cast<uint8_t *>(buffer.iov_base) + done, buffer.iov_len - done,
                                     static_cast<off_t>(position));
            if (moved < 0 && errno == EINTR)
                continue;
            if (moved <= 0)
                return false;
            done += static_cast<size_t>(moved);
            position += static_cast<uint64_t>(moved);
        }
    }
    return true;
}

} // namespace

VirtioBlock::VirtioBlock(const std::string &path) : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    struct stat info;
    if (!file_ || fstat(file_.get(), &info) != 0)
        throw Error(ErrorCode::io, "scratch disk " + path + ": " + std::strerror(errno));
    sectors_ = static_cast<uint64_t>(info.st_size) / sector_size;
}

uint64_t VirtioBlock::features() const { return feature_seg_max | feature_flush; }

/** struct virtio_blk_config: capacity, size_max, seg_max. */
std::vector<uint8_t> VirtioBlock::configuration() const {
    std::vector<uint8_t> bytes(16);
    std::memcpy(bytes.data(), &sectors_, sizeof(sectors_));
    std::memcpy(bytes.data() + 12, &most_segments, sizeof(most_segments));
    return bytes;
}

void VirtioBlock::serve(std::vector<Virtqueue> &queues) {
    while (std::optional<Chain> chain = queues[0].pop())
        queues[0].push(*chain, handle(*chain));
}

bool VirtioBlock::within(uint64_t sector, size_t bytes) const {
    return bytes % sector_size == 0 && sector <= sectors_ && bytes / sector_size <= sectors_ - sector;
}

uint32_t VirtioBlock::handle(const Chain &chain) const {
    RequestHeader header;
    size_t writable = total_bytes(chain.writable);
    if (copy_out(chain.readable, &header, sizeof(header)) != sizeof(header) || writable == 0)
        throw VirtqueueError("block request");
    size_t readable = total_bytes(chain.readable) - sizeof(header);
    std::vector<iovec> to_guest = slice(chain.writable, 0, writable - 1);
    std::vector<iovec> from_guest = slice(chain.readable, sizeof(header), readable);
    uint8_t status = status_unsupported;
    size_t written = 0;
    uint64_t position = header.sector * sector_size;
    switch (header.type) {
    case type_in:
        status = within(header.sector, writable - 1) && transfer_all(to_guest, position,
                                                                     [this](uint8_t *data, size_t size, off_t at) {
                                                                         return pread(file_.get(), data, size, at);
                                                                     })
                     ? status_ok
                     : status_io_error;
        written = status == status_ok ? writable - 1 : 0;
        break;
    case type_out:
        status = within(header.sector, readable) && transfer_all(from_guest, position,
                                                                 [this](uint8_t *data, size_t size, off_t at) {
                                                                     return pwrite(file_.get(), data, size, at);
                                                                 })
                     ? status_ok
                     : status_io_error;
        break;
    case type_flush:
        status = fdatasync(file_.get()) == 0 ? status_ok : status_io_error;
        break;
    case type_get_id: {
        char id[id_bytes] = "ktstr-scratch";
        written = std::min(writable - 1, id_bytes);
        copy_in(to_guest, id, written);
        status = status_ok;
        break;
    }
    default:
        break;
    }
    copy_in(slice(chain.writable, writable - 1, 1), &status, 1);
    return static_cast<uint32_t>(written + 1);
}

} // namespace ktstr
