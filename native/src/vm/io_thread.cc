#include "vm/io_thread.h"

#include <poll.h>
#include <pthread.h>

namespace ktstr {

void IoThread::add(const Event &event, std::function<void()> task) { tasks_.push_back({&event, std::move(task)}); }

void IoThread::start() {
    if (!tasks_.empty())
        thread_ = std::thread([this] { run(); });
}

void IoThread::stop() {
    if (!thread_.joinable())
        return;
    stop_.signal();
    thread_.join();
}

void IoThread::run() {
    pthread_setname_np(pthread_self(), "ktstr-io");
    std::vector<pollfd> waited{{stop_.fd(), POLLIN, 0}};
    for (const Task &task : tasks_)
        waited.push_back({task.event->fd(), POLLIN, 0});
    for (;;) {
        if (poll(waited.data(), waited.size(), -1) < 0)
            continue;
        if (waited[0].revents != 0)
            return;
        for (size_t i = 0; i < tasks_.size(); i++) {
            if (waited[i + 1].revents == 0)
                continue;
            tasks_[i].event->clear();
            tasks_[i].work();
        }
    }
}

} // namespace ktstr
