/* SPDX-License-Identifier: GPL-2.0 */
#include "widen.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <unistd.h>

/* The list of all CPUs of the machine. An empty list would have the same effect, but older kernels do not accept one
 * for a cgroup with tasks. */
static char all[4096];

static int widen(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    if (type != FTW_F || strcmp(path + place->base, "cpuset.cpus") != 0)
        return 0;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    /* The write may fail if the cgroup is just being removed, which does not matter. */
    ssize_t ignored = write(file, all, strlen(all));
    (void)ignored;
    close(file);
    return 0;
}

void widen_cpusets(void) {
    int file = open("/sys/fs/cgroup/cpuset.cpus.effective", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, all, sizeof all - 1);
    if (file >= 0)
        close(file);
    if (length <= 0)
        return;
    all[length] = 0;
    nftw("/sys/fs/cgroup", widen, 16, FTW_PHYS);
}
