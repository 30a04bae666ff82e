#ifndef KTSTR_VM_KICK_SIGNAL_H
#define KTSTR_VM_KICK_SIGNAL_H

#include <pthread.h>
#include <signal.h>

namespace ktstr {

/** Returns the signal that takes a vCPU thread out of KVM_RUN. Its handler does nothing; the interruption suffices. */
int kick_signal();

/** Installs the handler, once per process. Throws Error. */
void install_kick_signal();

/** Threads created during its lifetime receive no signals: signals to the process are for the host's own threads. */
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;

  private:
    sigset_t before_;
};

} // namespace ktstr

#endif
