#include "vm/io_thread.h"

#include <poll.h>
#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <exception>

#include "vm/error.h"

namespace ktstr {

namespace {

/** The kernel may briefly be short of memory (poll(2): ENOMEM): number of retries, and the time before each. */
constexpr int most_retries = 100;
constexpr auto retry_after = std::chrono::milliseconds(10);

std::string failure_of(short events) {
    return events & POLLNVAL  ? "its descriptor is closed (POLLNVAL)"
           : events & POLLERR ? "its descriptor has an error (POLLERR)"
                              : "its descriptor is hung up (POLLHUP)";
}

} // namespace

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
    try {
        serve();
    } catch (const std::exception &error) {
        failed_(error.what());
    }
}

void IoThread::serve() {
    std::vector<pollfd> waited{{stop_.fd(), POLLIN, 0}};
    for (const Task &task : tasks_)
        waited.push_back({task.event->fd(), POLLIN, 0});
    int retries = 0;
    for (;;) {
        if (poll(waited.data(), waited.size(), -1) < 0) {
            if (errno == EINTR)
                continue;
            if ((errno != ENOMEM && errno != EAGAIN) || ++retries > most_retries)
                throw_errno("waiting for the guest's requests");
            std::this_thread::sleep_for(retry_after);
            continue;
        }
        retries = 0;
        for (size_t i = 0; i < waited.size(); i++) {
            // poll(2) reports these errors at once and every time, so the loop would never wait.
            if (waited[i].revents & ~POLLIN)
                throw Error(ErrorCode::io, (i == 0 ? "the stop event: " : "doorbell " + std::to_string(i - 1) + ": ") +
                                               failure_of(waited[i].revents));
        }
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
