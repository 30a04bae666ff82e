/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include "child.h"
#include "control.h"
#include "qemu.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 256 };

struct child {
    unsigned long id;
    pid_t pid;
    int watch; /* a pidfd, readable once the child has ended */
};

static struct server_options options;
static struct control control;
static void *range;
static enum { BOOTING, SERVING, CHILD } state;
static struct child children[CHILDREN];
static unsigned count;

bool server_options(struct server_options *found, int argc, char **argv) {
    *found = (struct server_options){.control = -1, .com1 = -1, .com2 = -1, .range = -1};
    const struct {
        const char *name;
        int *fd;
        uint64_t *number;
    } words[] = {{"control", &found->control, NULL}, {"com1", &found->com1, NULL},       {"com2", &found->com2, NULL},
                 {"range", &found->range, NULL},     {"address", NULL, &found->address}, {"size", NULL, &found->size}};
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        bool known = false;
        for (size_t w = 0; value && w < sizeof words / sizeof *words; w++) {
            if (strncmp(argv[i], words[w].name, (size_t)(value - argv[i])) != 0 || words[w].name[value - argv[i]])
                continue;
            known = true;
            if (words[w].fd)
                *words[w].fd = atoi(value + 1);
            else
                *words[w].number = strtoull(value + 1, NULL, 0);
        }
        if (!known) {
            fprintf(stderr, "ktstr: the plugin does not know %s\n", argv[i]);
            return false;
        }
    }
    bool whole = found->control >= 0 && found->com1 >= 0 && found->com2 >= 0 && found->range >= 0 && found->size > 0;
    if (!whole)
        fprintf(stderr, "ktstr: the plugin needs control, com1, com2, range, address and size\n");
    return whole;
}

void server_begin(const struct server_options *given) {
    options = *given;
    control.fd = options.control;
    signal(SIGPIPE, SIG_IGN);
    sandbox_no_programs();
    control_send(&control, "loaded");
}

static _Noreturn void refuse(const char *what) {
    control_send(&control, "refused %s: %s", what, strerror(errno));
    _exit(1);
}

void server_built(void) {
    if (range)
        return;
    uint64_t length = options.size;
    range = qemu.map(options.address, &length, true);
    if (!range || length != options.size) {
        errno = ENOMEM;
        refuse("the shared range is not guest memory");
    }
    if (mmap(range, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, options.range, 0) == MAP_FAILED)
        refuse("the shared range");
}

/* Lets children inherit guest memory, which qemu excludes from forks. */
static void share_memory(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], access[8];
    unsigned long begin, end;
    if (!maps)
        refuse("/proc/self/maps");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, access) == 3 && access[3] == 'p')
            madvise((void *)begin, end - begin, MADV_DOFORK);
    fclose(maps);
}

static void reap(unsigned index) {
    struct child *child = &children[index];
    int status = 0;
    if (waitpid(child->pid, &status, 0) != child->pid)
        refuse("waitpid");
    control_send(&control, "ended %lu %s %d", child->id, WIFSIGNALED(status) ? "signal" : "code",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    close(child->watch);
    *child = children[--count];
}

static void close_files(const struct child_files *files) {
    const int fds[] = {files->com1, files->com2, files->range};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Opens the files that the host names. Returns false with errno set on failure. */
static bool open_files(char *words, struct child_files *files) {
    char *rest = NULL;
    const char *com1 = strtok_r(words, " ", &rest), *com2 = strtok_r(NULL, " ", &rest);
    const char *shared = strtok_r(NULL, " ", &rest);
    errno = EINVAL;
    files->com1 = com1 ? open(com1, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    files->com2 = com2 ? open(com2, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    files->range = shared ? open(shared, O_RDWR | O_CLOEXEC) : -1;
    return files->com1 >= 0 && files->com2 >= 0 && files->range >= 0;
}

/* Records a running child. Returns false with errno set if it can't be watched. */
static bool watch_child(unsigned long id, pid_t pid) {
    int watch = (int)syscall(SYS_pidfd_open, pid, 0);
    if (watch < 0)
        return false;
    children[count++] = (struct child){.id = id, .pid = pid, .watch = watch};
    return true;
}

/* Returns true in the child. */
static bool fork_child(char *words) {
    unsigned long id = strtoul(words, &words, 10);
    struct child_files files = {-1, -1, -1};
    pid_t pid = -1;
    errno = EAGAIN;
    if (count < CHILDREN && open_files(words, &files)) {
        int parent = getpid();
        pid = fork();
        if (pid == 0) {
            for (unsigned i = 0; i < count; i++)
                close(children[i].watch);
            child_begin(&options, &files, range, parent);
            return true;
        }
    }
    bool good = pid > 0 && watch_child(id, pid);
    int error = errno;
    close_files(&files);
    if (good) {
        control_send(&control, "forked %lu %d", id, pid);
        return false;
    }
    control_send(&control, "failed %lu %s", id, strerror(error));
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return false;
}

static void kill_child(const char *id) {
    for (unsigned i = 0; i < count; i++)
        if (children[i].id == strtoul(id, NULL, 10))
            kill(children[i].pid, SIGKILL);
}

/* Returns true in a child. */
static bool obey(void) {
    char line[CONTROL_LINE];
    while (control_take(&control, line)) {
        if (strncmp(line, "fork ", 5) == 0) {
            if (fork_child(line + 5))
                return true;
        } else if (strncmp(line, "kill ", 5) == 0) {
            kill_child(line + 5);
        } else {
            control_send(&control, "failed ? not understood: %.100s", line);
        }
    }
    return false;
}

static bool serve(void) {
    for (;;) {
        struct pollfd polled[CHILDREN + 1] = {{.fd = control.fd, .events = POLLIN}};
        for (unsigned i = 0; i < count; i++)
            polled[i + 1] = (struct pollfd){.fd = children[i].watch, .events = POLLIN};
        if (poll(polled, count + 1, -1) < 0 && errno != EINTR)
            refuse("poll");
        for (unsigned i = count; i-- > 0;)
            if (polled[i + 1].revents)
                reap(i);
        if (!polled[0].revents)
            continue;
        /* The host is gone; children die with this process. */
        if (!control_fill(&control))
            _exit(0);
        if (obey())
            return true;
    }
}

void server_run(void) {
    if (state != BOOTING)
        return;
    qemu.lock(__FILE__, __LINE__);
    state = SERVING;
    share_memory();
    control_send(&control, "serving");
    if (serve()) {
        state = CHILD;
        qemu.unlock();
    }
}

void server_end(void) {
    if (state == CHILD)
        _exit(CHILD_ENDED);
    if (state == BOOTING)
        control_send(&control, "ended before the fork point");
}
