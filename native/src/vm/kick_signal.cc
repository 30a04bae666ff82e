#include "vm/kick_signal.h"

#include <mutex>

#include "vm/error.h"

namespace ktstr {

int kick_signal() {
    // libuv, V8 and glibc do not use this signal.
    return SIGRTMIN + 5;
}

void install_kick_signal() {
    static std::once_flag installed;
    std::call_once(installed, [] {
        struct sigaction action = {};
        action.sa_handler = [](int) {};
        sigemptyset(&action.sa_mask);
        // There is no SA_RESTART because KVM_RUN must end.
        if (sigaction(kick_signal(), &action, nullptr) != 0)
            throw_errno("sigaction");
    });
}

} // namespace ktstr
