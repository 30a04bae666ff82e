#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static _Noreturn void refuse(int report, int stage) {
    struct process_refusal why = {.stage = stage, .error = errno};
    if (write(report, &why, sizeof why) < 0)
        _exit(126); // the agent is gone: nobody reads the status
    _exit(127);
}

static void set_signals(void) {
    sigset_t none;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &standard, NULL); // the agent ignores it, and exec keeps that
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_environment(const struct setting_list *environment) {
    const char *search = getenv("PATH"); // stays valid: clearenv does not free values
    clearenv();
    setenv("PATH", search ? search : "/bin", 1);
    setenv("HOME", "/root", 1);
    for (uint32_t i = 0; i < environment->count; i++)
        setenv(environment->items[i].name, environment->items[i].value, 1);
}

static void set_limits(void) {
    // The agent's own limit is 2^20, and some programs start by closing as many descriptors as their limit allows.
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 1024 ? files.rlim_max : 1024;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

_Noreturn void process_child(const struct process_command *command, const int files[3], int placed, int report) {
    char byte, **argv = calloc(command->argv.count + 1, sizeof *argv);
    ssize_t got;
    setsid();
    set_signals();
    prctl(PR_SET_PDEATHSIG,
          SIGKILL); // from here on the child dies with the agent; if the agent dies earlier, `placed` reaches its end
    while ((got = read(placed, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (got != 1 || !argv)
        _exit(1); // the agent gave up the start
    if (command->has_terminal && ioctl(files[0], TIOCSCTTY, 0) < 0)
        refuse(report, REFUSED_TERMINAL);
    for (int i = 0; i < 3; i++) {
        int file = files[i] >= 0 ? files[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(file, i);
    }
    set_limits();
    set_environment(&command->environment);
    if (chdir(*command->directory ? command->directory : "/") < 0)
        refuse(report, REFUSED_DIRECTORY);
    for (uint32_t i = 0; i < command->argv.count; i++)
        argv[i] = (char *)command->argv.items[i];
    if (command->owner && command->owner->prepare && !command->owner->prepare(command))
        refuse(report, REFUSED_TIMEOUT);
    execvp(argv[0], argv);
    refuse(report, REFUSED_PROGRAM);
}
