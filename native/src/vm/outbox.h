#ifndef KTSTR_VM_OUTBOX_H
#define KTSTR_VM_OUTBOX_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ktstr {

/** The byte streams of a machine. */
enum class Port : unsigned { com1, com2, console };
constexpr size_t port_count = 3;

enum class ExitKind { power_off, reset, triple_fault, killed, vcpu_error, device_error };

const char *exit_kind_name(ExitKind kind);

/** How a machine ended. */
struct ExitReport {
    ExitKind kind;
    /** Of a vCPU error or a device error: one line. */
    std::string message;
    /** Of a triple fault or vCPU error: the registers of the vCPU, several lines. */
    std::string registers;
};

/**
 * What the machine has for the host: bytes, and what happened. Filled by vCPU and device threads, emptied by the host's
 * thread.
 *
 * `notify` is called, from any of the former, once for each time that there is something new after `begin_take`; so a
 * burst of bytes costs one wake-up.
 */
class Outbox {
  public:
    /** A port with so many bytes is full: the device must hold the guest up until they are taken. */
    static constexpr size_t capacity = 4UL << 20;
    /** What a port may still be given after it was said to be full: the FIFO of a UART, or the buffers of a virtio
     * chain. */
    static constexpr size_t slack = 1UL << 20;

    explicit Outbox(std::function<void()> notify) : notify_(std::move(notify)) {}

    struct Appended {
        /** Of the bytes, from the first on. The others are still the caller's: they are not kept here. */
        size_t count;
        /** False: the port is full now, wait until its bytes are taken. */
        bool room;
    };
    /** Adds bytes as far as there is room. */
    [[nodiscard]] Appended append(Port port, const uint8_t *bytes, size_t size);

    /** All vCPU threads have stopped, for good. Called once. */
    void post_exit(ExitReport report);
    /** All vCPU threads wait. */
    void post_paused();
    /** The guest has read what the host sent on a port. */
    void post_sent(Port port);

    /** Host: begins a round; whatever is added from now on notifies again. */
    void begin_take() { notified_.store(false); }
    /** Host: the bytes of a port since the last call. */
    std::vector<uint8_t> take(Port port);
    std::optional<ExitReport> take_exit();
    bool take_paused();
    bool take_sent(Port port);

  private:
    void notify() {
        if (!notified_.exchange(true))
            notify_();
    }

    const std::function<void()> notify_;
    std::atomic<bool> notified_{false};
    std::mutex mutex_;
    std::array<std::vector<uint8_t>, port_count> bytes_;
    std::array<bool, port_count> sent_{};
    std::optional<ExitReport> exit_;
    bool paused_ = false;
};

} // namespace ktstr

#endif
