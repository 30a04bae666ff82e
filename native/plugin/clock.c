/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops the host's clock in a machine with a counted clock, for which the plugin is also preloaded. qemu's emulation
 * reads that clock to decide when to shrink its cache of address translations. The guest sees when an entry is gone:
 * the CPU sets the page's accessed bit again, which kernels count (DAMON, khugepaged).
 */
#include "qemu.h"

#include <sys/time.h>
#include <time.h>

EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static struct timespec begin;
    (void)zone;
    if (!begin.tv_sec)
        clock_gettime(CLOCK_REALTIME, &begin);
    *now = (struct timeval){.tv_sec = begin.tv_sec, .tv_usec = begin.tv_nsec / 1000};
    return 0;
}
