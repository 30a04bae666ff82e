/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "knobs.h"

struct options {
    struct knobs knobs;
    bool per_llc;
    bool verbose;
    /* The kernel ends a scheduler that leaves a runnable task waiting longer than this; 0: the kernel's own limit, 30
     * s. */
    unsigned watchdog_ms;
    /* Seconds; 0: never. */
    double statistics_every;
    double slow_start;
    double exit_after;
    int exit_code;
    bool widen_cpusets;
};

/* Parses the command line. Prints the help or an error and exits if there is nothing more to do. */
void read_options(int argc, char **argv, struct options *options);

#endif
