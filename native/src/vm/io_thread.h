#ifndef KTSTR_VM_IO_THREAD_H
#define KTSTR_VM_IO_THREAD_H

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "vm/file_descriptor.h"

namespace ktstr {

/**
 * The thread that serves the virtio devices, so that no vCPU waits for a file. Tasks are added before it starts; it
 * waits for their events and runs them one at a time. The thread that owns the VM owns, starts and stops it.
 */
class IoThread {
  public:
    /** `failed` is called once, on the thread, with the error that stops it; no task runs after that. */
    explicit IoThread(std::function<void(const std::string &)> failed) : failed_(std::move(failed)) {}
    ~IoThread() { stop(); }
    IoThread(const IoThread &) = delete;
    IoThread &operator=(const IoThread &) = delete;

    /** Adds a task; its event must outlive the thread. */
    void add(const Event &event, std::function<void()> task);
    void start();
    /** Stops the thread. Returns when the current task is done and the thread is gone. */
    void stop();

  private:
    void run();
    /** Runs the tasks whose events are signalled until it is asked to stop. Throws std::exception. */
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
