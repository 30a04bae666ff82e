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

/** The header and the status take one descriptor each. */
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

} // namespace

VirtioBlock::VirtioBlock(const std::string &path, std::function<void(const std::string &)> failed)
    : path_(path), failed_(std::move(failed)), file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
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

/** Transfers all bytes of a request. */
uint8_t VirtioBlock::transfer(const std::vector<iovec> &buffers, uint64_t sector, bool to_guest) const {
    uint64_t position = sector * sector_size;
    for (const iovec &buffer : buffers) {
        size_t done = 0;
        while (done < buffer.iov_len) {
            uint8_t *data = static_cast<uint8_t *>(buffer.iov_base) + done;
            size_t rest = buffer.iov_len - done;
            off_t at = static_cast<off_t>(position);
            ssize_t moved = to_guest ? pread(file_.get(), data, rest, at) : pwrite(file_.get(), data, rest, at);
            if (moved < 0 && errno == EINTR)
                continue;
            if (moved <= 0)
                return fail((to_guest ? "reading " : "writing ") + std::to_string(rest) + " bytes at " +
                                std::to_string(position),
                            moved < 0 ? errno : 0);
            done += static_cast<size_t>(moved);
            position += static_cast<uint64_t>(moved);
        }
    }
    return status_ok;
}

uint8_t VirtioBlock::flush() const {
    int result;
    do {
        result = fdatasync(file_.get());
    } while (result < 0 && errno == EINTR);
    return result == 0 ? status_ok : fail("flushing", errno);
}

uint8_t VirtioBlock::fail(const std::string &what, int error_number) const {
    failed_("the scratch disk " + path_ + ": " + what + ": " +
            (error_number == 0 ? "the file has become shorter" : std::strerror(error_number)));
    return status_io_error;
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
    switch (header.type) {
    case type_in:
        status = within(header.sector, writable - 1) ? transfer(to_guest, header.sector, true) : status_io_error;
        written = status == status_ok ? writable - 1 : 0;
        break;
    case type_out:
        status = within(header.sector, readable) ? transfer(from_guest, header.sector, false) : status_io_error;
        break;
    case type_flush:
        status = flush();
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
