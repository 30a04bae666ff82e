#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <string>

#include "test/check.h"
#include "vm/io_thread.h"

using namespace ktstr;

namespace {

/** A thread with two events that keeps its failure. */
struct Bench {
    std::mutex mutex;
    std::condition_variable told;
    std::string failure;
    int failures = 0;
    int served = 0;
    Event first;
    Event second;
    IoThread thread{[this](const std::string &what) {
        std::lock_guard lock(mutex);
        failure = what;
        failures++;
        told.notify_all();
    }};

    explicit Bench(std::function<void()> work = [] {}) {
        thread.add(first, [this, work] {
            work();
            std::lock_guard lock(mutex);
            served++;
            told.notify_all();
        });
        thread.add(second, [] {});
    }

    bool fails_with(const std::string &what) {
        std::unique_lock lock(mutex);
        told.wait_for(lock, std::chrono::seconds(20), [this] { return failures > 0; });
        return failures == 1 && failure == what;
    }
};

} // namespace

TEST("io thread: does a task for each event, and stops") {
    Bench b;
    b.thread.start();
    b.first.signal();
    {
        std::unique_lock lock(b.mutex);
        CHECK(b.told.wait_for(lock, std::chrono::seconds(20), [&] { return b.served == 1; }));
    }
    b.thread.stop();
    CHECK(b.failures == 0);
}

TEST("io thread: ends with a reason instead of asking for ever where a descriptor is closed") {
    Bench b;
    close(b.second.fd());
    b.thread.start();
    CHECK(b.fails_with("doorbell 1: its descriptor is closed (POLLNVAL)"));
    b.thread.stop();
    // The event must not close the descriptor of another owner.
    CHECK(dup2(b.first.fd(), b.second.fd()) == b.second.fd());
}

TEST("io thread: ends with a reason where a descriptor is hung up") {
    Bench b;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(dup2(pair[0], b.second.fd()) == b.second.fd());
    close(pair[0]);
    close(pair[1]);
    b.thread.start();
    CHECK(b.fails_with("doorbell 1: its descriptor is hung up (POLLHUP)"));
    b.thread.stop();
}

TEST("io thread: a task that throws is its end, not the process's") {
    Bench b([] { throw std::bad_alloc(); });
    b.thread.start();
    b.first.signal();
    CHECK(b.fails_with("std::bad_alloc"));
    b.thread.stop();
    CHECK(b.failures == 1 && b.served == 0);
}
