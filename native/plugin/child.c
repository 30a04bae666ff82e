/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "child.h"

#include "exact.h"
#include "qemu.h"
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "ktstr: a forked machine can't begin: %s: %s\n", what, strerror(errno));
    _exit(CHILD_FAILED);
}

/* Makes every descriptor of the file behind `old` refer to `file`. qemu has opened its ports a second time by name. */
static void replace(int old, int file) {
    struct stat wanted, status;
    DIR *descriptors = opendir("/proc/self/fd");
    if (!descriptors || fstat(old, &wanted) < 0)
        fail("the descriptors of a port");
    for (struct dirent *entry; (entry = readdir(descriptors));) {
        int fd = atoi(entry->d_name);
        bool same = entry->d_name[0] != '.' && fd != file && fstat(fd, &status) == 0 &&
                    status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino;
        if (same && dup2(file, fd) < 0)
            fail("a port");
    }
    closedir(descriptors);
    close(file);
}

static void end_if_asked(void) {
    int shutdown = qemu.shutdown_requested(), reset = qemu.reset_requested();
    if (shutdown)
        _exit(CHILD_SHUTDOWN + shutdown);
    if (reset)
        _exit(CHILD_RESET + reset);
}

/* Replaces qemu's wait for a condition, which no other thread would signal. */
static void idle(void *condition, void *mutex, const char *file, int line) {
    (void)condition, (void)mutex;
    end_if_asked();
    if (!qemu.all_cpus_idle()) {
        fprintf(stderr, "ktstr: a forked machine waits at %s:%d for a thread that it does not have\n", file, line);
        _exit(CHILD_STUCK);
    }
    if (!exact_skip_idle()) {
        fprintf(stderr, "ktstr: all CPUs of a forked machine are idle and no timer is set\n");
        _exit(CHILD_STUCK);
    }
}

void child_begin(const struct server_options *options, const struct child_files *files, void *range, int parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CHILD_FAILED);
    replace(options->control, open("/dev/null", O_RDWR | O_CLOEXEC));
    replace(options->com1, files->com1);
    replace(options->com2, files->com2);
    if (mmap(range, options->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, files->range, 0) == MAP_FAILED)
        fail("the shared range");
    close(files->range);
    *qemu.cond_wait = idle;
    sandbox_no_processes();
}
