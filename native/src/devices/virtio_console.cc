#include "devices/virtio_console.h"

#include <algorithm>

namespace ktstr {

namespace {
constexpr uint64_t feature_size = 1 << 0;
enum Queue { receive_queue, transmit_queue };
} // namespace

uint64_t VirtioConsole::features() const { return feature_size; }

/** struct virtio_console_config (virtio 1.2, 5.3.4): cols, rows. */
std::vector<uint8_t> VirtioConsole::configuration() const {
    std::lock_guard lock(mutex_);
    return {static_cast<uint8_t>(columns_), static_cast<uint8_t>(columns_ >> 8), static_cast<uint8_t>(rows_),
            static_cast<uint8_t>(rows_ >> 8)};
}

void VirtioConsole::serve(std::vector<Virtqueue> &queues) {
    fill(queues[receive_queue]);
    drain(queues[transmit_queue]);
}

void VirtioConsole::fill(Virtqueue &queue) {
    std::unique_lock lock(mutex_);
    bool moved = false;
    while (!input_.empty()) {
        std::optional<Chain> chain = queue.pop();
        if (!chain)
            break;
        size_t written = 0;
        for (const iovec &buffer : chain->writable) {
            size_t count = std::min(buffer.iov_len, input_.size());
            auto end = input_.begin() + static_cast<std::ptrdiff_t>(count);
            std::copy(input_.begin(), end, static_cast<uint8_t *>(buffer.iov_base));
            input_.erase(input_.begin(), end);
            written += count;
        }
        queue.push(*chain, static_cast<uint32_t>(written));
        moved = true;
    }
    bool drained = moved && input_.empty();
    lock.unlock();
    if (drained)
        host_.drained();
}

void VirtioConsole::drain(Virtqueue &queue) {
    std::lock_guard lock(mutex_);
    while (host_has_room_) {
        std::optional<Chain> chain = queue.pop();
        if (!chain)
            return;
        size_t size = total_bytes(chain->readable);
        // The driver may have changed the buffers after a part of them was taken.
        transmitted_ = std::min(transmitted_, size);
        for (const iovec &buffer : slice(chain->readable, transmitted_, size - transmitted_)) {
            auto [count, room] = host_.transmit(static_cast<const uint8_t *>(buffer.iov_base), buffer.iov_len);
            transmitted_ += count;
            host_has_room_ = room;
            if (count < buffer.iov_len)
                break;
        }
        if (transmitted_ < size) {
            queue.unpop();
            return;
        }
        transmitted_ = 0;
        queue.push(*chain, 0);
    }
}

void VirtioConsole::queue_reset(size_t queue) {
    std::lock_guard lock(mutex_);
    if (queue == transmit_queue)
        transmitted_ = 0;
}

size_t VirtioConsole::receive(const uint8_t *bytes, size_t size) {
    size_t waiting;
    {
        std::lock_guard lock(mutex_);
        input_.insert(input_.end(), bytes, bytes + size);
        waiting = input_.size();
    }
    transport_.wake();
    return waiting;
}

void VirtioConsole::output_room() {
    {
        std::lock_guard lock(mutex_);
        if (host_has_room_)
            return;
        host_has_room_ = true;
    }
    transport_.wake();
}

void VirtioConsole::resize(uint16_t columns, uint16_t rows) {
    {
        std::lock_guard lock(mutex_);
        columns_ = columns;
        rows_ = rows;
    }
    transport_.configuration_changed();
}

} // namespace ktstr
