#include "poweroff.h"

#include "base/clock.h"
#include "base/console.h"
#include "marker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/reboot.h>
#include <sys/timerfd.h>
#include <unistd.h>

static _Noreturn void cut_power(void) {
    // On a host only this process ends; the parent and the kernel (PR_SET_PDEATHSIG) end the rest.
    if (getpid() != 1)
        _exit(1);
    reboot(RB_POWER_OFF);
    // Without power control, halt the machine instead.
    reboot(RB_HALT_SYSTEM);
    _exit(1);
}

_Noreturn void poweroff_now(struct channel *channel) {
    channel_drain(channel);
    marker_end();
    cut_power();
}

static int timer = -1; // set once, before the thread that reads it starts

static int set(uint64_t ms) {
    struct itimerspec when = {.it_value = timespec_of(ms * 1000000)};
    return timerfd_settime(timer, 0, &when, NULL) < 0 ? errno : 0;
}

void poweroff_postpone(uint64_t ms) {
    if (timer >= 0)
        set(ms);
}

static void *watch(void *argument) {
    (void)argument;
    uint64_t expirations;
    while (read(timer, &expirations, sizeof expirations) < 0 && errno == EINTR)
        ;
    console_print("ktstr-agent: the deadline has passed and the control loop did not end; ending it\n");
    cut_power();
}

int poweroff_deadline(uint64_t ms) {
    // Above the control thread (main.c), which may be the one that hangs.
    struct sched_param priority = {.sched_priority = 99};
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer < 0)
        return errno;
    int error = set(ms);
    if (error)
        return error;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    error = pthread_create(&thread, &attributes, watch, NULL);
    // On a host, ordinary users may not create real-time threads.
    if (error == EPERM)
        error = pthread_create(&thread, NULL, watch, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}
