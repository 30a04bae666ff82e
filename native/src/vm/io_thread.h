#ifndef KTSTR_VM_IO_THREAD_H
#define KTSTR_VM_IO_THREAD_H

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "vm/file_descriptor.h"

namespace ktstr {

/**
 * The thread that works for the virtio devices, so that no vCPU waits for a file. Tasks are added before it starts; it
 * waits for their events and runs them one at a time. Owned, started and stopped by the thread that owns the VM.
 */
class IoThread {
  public:
    /** `failed` is called on the thread, once, with what keeps it from going on: it does no task after that. */
    explicit IoThread(std::function<void(const std::string &)> failed) : failed_(std::move(failed)) {}
    ~IoThread() { stop(); }
    IoThread(const IoThread &) = delete;
    IoThread &operator=(const IoThread &) = delete;

    /** The event outlives the thread. */
    void add(const Event &event, std::function<void()> task);
    void start();
    /** Returns when the task that runs is done and the thread gone. */
    void stop();

  private:
    void run();
    /** Runs the tasks whose events are signalled until it is told to stop. Throws std::exception. */
    void serve();

    struct Task {
        const Event *event;
        std::function<void()> work;
    };
    const std::function<void(const std::string &)> failed_;
    std::vector<Task> tasks_;
    Event stop_;
    std::thread thread_;
};

} // namespace ktstr

#endif
