#include "init.h"

#include "agent.h"
#include "base/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOOT_LOG_LEVEL = 6 };

struct mount_point {
    const char *type, *target, *options;
    unsigned long flags;
    const char *optional; // "": required; else the kernel option without which it may be missing
};

static const struct mount_point mount_points[] = {
    {"proc", "/proc", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"sysfs", "/sys", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID, ""},
    {"cgroup2", CGROUP_ROOT, "", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"devpts", "/dev/pts", "mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC, "CONFIG_UNIX98_PTYS"},
    {"tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, ""},
    {"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, ""},
    {"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, ""},
    {"debugfs", "/sys/kernel/debug", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, "CONFIG_DEBUG_FS"},
    {"tracefs", "/sys/kernel/tracing", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, "CONFIG_TRACING"},
    {"bpf", "/sys/fs/bpf", "mode=0700", MS_NOSUID | MS_NODEV | MS_NOEXEC, "CONFIG_BPF_SYSCALL"},
};

__attribute__((format(printf, 3, 4))) static void note(char *notes, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t used = strlen(notes);
    vsnprintf(notes + used, size - used, format, arguments);
    va_end(arguments);
}

static void make_directory(const char *path) {
    char part[256];
    for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0755);
    }
    mkdir(path, 0755);
}

void init_mounts(char *notes, size_t size) {
    for (size_t i = 0; i < sizeof mount_points / sizeof *mount_points; i++) {
        const struct mount_point *point = &mount_points[i];
        make_directory(point->target);
        // EBUSY: the kernel has already mounted devtmpfs.
        if (mount(point->type, point->target, point->type, point->flags, point->options) < 0 && errno != EBUSY)
            note(notes, size, "mount %s on %s: %s%s%s; ", point->type, point->target, strerror(errno),
                 *point->optional ? ", needs " : "", point->optional);
    }
    // The usual links; shells use /dev/fd.
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
                                           {"/proc/self/fd/0", "/dev/stdin"},
                                           {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
            note(notes, size, "link %s: %s; ", links[i][1], strerror(errno));
    // The directory for workers' private files, where a scratch disk is mounted if the machine has one.
    make_directory(SCRATCH_DIRECTORY);
    if (mount("tmpfs", SCRATCH_DIRECTORY, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
        note(notes, size, "mount tmpfs on %s: %s; ", SCRATCH_DIRECTORY, strerror(errno));
    // The host asks for addresses from /proc/kallsyms.
    textfile_write("/proc/sys/kernel/kptr_restrict", "0");
    // A panic must end the machine, so that the host notices it.
    textfile_write("/proc/sys/kernel/panic", "-1");

    // The boot was quiet (loglevel, core/src/kernel/CommandLine.ts); later kernel messages should reach the console.
    if (textfile_number("/proc/sys/kernel/printk", 0) == BOOT_LOG_LEVEL)
        textfile_write("/proc/sys/kernel/printk", "7");

    struct rlimit files = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        note(notes, size, "limit of open files: %s; ", strerror(errno));
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/", 1);
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; console >= 0 && fd < 3; fd++)
        if (fd != console)
            dup2(console, fd);
    if (console > 2)
        close(console);
}
