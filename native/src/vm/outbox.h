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
    /** For a vCPU error or device error: one line. */
    std::string message;
    /** For a triple fault or vCPU error: the registers of the vCPU, several lines. */
    std::string registers;
};

/**
 * What the machine has for the host: bytes and events. Filled by vCPU and device threads, emptied by the host's thread.
 *
 * `notify` is called on one of the former threads, once after each `begin_take` as soon as there is something new, so a
 * burst of bytes costs one wake-up.
 */
class Outbox {
  public:
    /** A port with this many bytes is full: the device must stop the guest until the bytes are taken. */
    static constexpr size_t capacity = 4UL << 20;
    /** Bytes that a port still accepts after it was reported full: the FIFO of a UART, or the buffers of a virtio
     * chain. */
    static constexpr size_t slack = 1UL << 20;

    explicit Outbox(std::function<void()> notify) : notify_(std::move(notify)) {}

    struct Appended {
        /** How many of the bytes were accepted, from the first on. The caller keeps the others. */
        size_t count;
        /** False: the port is now full; wait until its bytes are taken. */
        bool room;
    };
    /** Adds as many bytes as there is room for. */
    [[nodiscard]] Appended append(Port port, const uint8_t *bytes, size_t size);

    /** Reports that all vCPU threads have stopped for good. Called once. */
    void post_exit(ExitReport report);
    /** Reports that all vCPU threads wait. */
    void post_paused();
    /** Reports that the guest has read everything that the host sent on a port. */
    void post_sent(Port port);

    /** Host: begins a round; anything added from now on notifies again. */
    void begin_take() { notified_.store(false); }
    /** Host: takes the bytes of a port since the last call. */
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
