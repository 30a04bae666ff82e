/* SPDX-License-Identifier: GPL-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* sysexits.h */
#define EXIT_USAGE 64

static const char help[] =
    "usage: scx_ktstr [OPTIONS]\n"
    "\n"
    "A fair sched_ext scheduler. It runs until SIGINT or SIGTERM, or until the kernel ends it; then it prints why and\n"
    "exits with 1. Times are seconds, possibly fractional, counted from when it attaches.\n"
    "\n"
    "      --llc                a queue for each last-level cache instead of one for all CPUs\n"
    "      --slice-us US        longest time a task keeps the CPU while others wait (default 5000)\n"
    "      --watchdog-ms MS     let the kernel end this scheduler if a task waits longer (default and maximum 30000)\n"
    "      --stats SECONDS      interval at which to print counters\n"
    "  -v, --verbose            print libbpf's debug messages\n"
    "  -h, --help               print this help\n"
    "\n"
    "Misbehaviour:\n"
    "      --refuse-verify      use an unchecked pointer, which the verifier rejects\n"
    "      --verify-loop        contain a loop that the verifier gives up on after logging many thousand lines\n"
    "      --slow-start S       wait before attaching\n"
    "      --exit-after S       exit normally\n"
    "      --exit-code CODE     with this code (default 0)\n"
    "      --error-after S      call scx_bpf_error()\n"
    "      --stall-after S      give no CPU to any task except the kernel's own\n"
    "      --degrade MS         pause in each second, MS longer in each further second\n"
    "      --one-cpu CPU        put all tasks on this CPU\n"
    "      --starve CGROUP      give no CPU to tasks in and below the cgroup of this name once they have slept for "
    "the first time\n"
    "      --starve-for S       for this long (default 4)\n"
    "      --starve-ran MS      but not before they have run for this long since they last slept\n"
    "      --ignore-cpusets     dispatch tasks to CPUs they are not allowed on, for which the kernel ends a scheduler\n"
    "      --race               inspect what runs on other CPUs without a lock: a rare interleaving ends in\n"
    "                           scx_bpf_error()\n"
    "      --widen-cpusets      let the loader write all CPUs to cpuset.cpus of all cgroups, so that tasks really "
    "run elsewhere\n";

static void refuse(const char *option, const char *value, const char *wanted) {
    fprintf(stderr, "scx_ktstr: --%s must be %s, got '%s'\n", option, wanted, value);
    exit(EXIT_USAGE);
}

static double number(const char *option, const char *text, double least, double most, const char *wanted) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= least && value <= most))
        refuse(option, text, wanted);
    return value;
}

static double seconds(const char *option, const char *text) {
    return number(option, text, 0.001, 86400, "a number of seconds from 0.001 to 86400");
}

static long whole(const char *option, const char *text, long least, long most) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a whole number from %ld to %ld", least, most);
    double value = number(option, text, least, most, wanted);
    if (value != (long)value)
        refuse(option, text, wanted);
    return (long)value;
}

static __u64 nanoseconds(double seconds) { return (__u64)(seconds * 1e9); }

enum option_key {
    LLC = 256,
    SLICE_US,
    WATCHDOG_MS,
    STATS,
    REFUSE_VERIFY,
    VERIFY_LOOP,
    SLOW_START,
    EXIT_AFTER,
    EXIT_CODE,
    ERROR_AFTER,
    STALL_AFTER,
    DEGRADE,
    ONE_CPU,
    STARVE,
    STARVE_FOR,
    STARVE_RAN,
    IGNORE_CPUSETS,
    RACE,
    WIDEN_CPUSETS,
};

static const struct option known[] = {
    {"llc", no_argument, NULL, LLC},
    {"slice-us", required_argument, NULL, SLICE_US},
    {"watchdog-ms", required_argument, NULL, WATCHDOG_MS},
    {"stats", required_argument, NULL, STATS},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"refuse-verify", no_argument, NULL, REFUSE_VERIFY},
    {"verify-loop", no_argument, NULL, VERIFY_LOOP},
    {"slow-start", required_argument, NULL, SLOW_START},
    {"exit-after", required_argument, NULL, EXIT_AFTER},
    {"exit-code", required_argument, NULL, EXIT_CODE},
    {"error-after", required_argument, NULL, ERROR_AFTER},
    {"stall-after", required_argument, NULL, STALL_AFTER},
    {"degrade", required_argument, NULL, DEGRADE},
    {"one-cpu", required_argument, NULL, ONE_CPU},
    {"starve", required_argument, NULL, STARVE},
    {"starve-for", required_argument, NULL, STARVE_FOR},
    {"starve-ran", required_argument, NULL, STARVE_RAN},
    {"ignore-cpusets", no_argument, NULL, IGNORE_CPUSETS},
    {"race", no_argument, NULL, RACE},
    {"widen-cpusets", no_argument, NULL, WIDEN_CPUSETS},
    {0},
};

void read_options(int argc, char **argv, struct options *options) {
    *options = (struct options){.knobs = {.slice_ns = 5000000, .only_cpu = -1, .starve_ns = 4000000000}};
    struct knobs *knobs = &options->knobs;
    int key;
    int at = 0;
    while ((key = getopt_long(argc, argv, "vh", known, &at)) != -1) {
        const char *name = key < LLC ? "" : known[at].name;
        switch (key) {
        case LLC:
            options->per_llc = true;
            break;
        case SLICE_US:
            knobs->slice_ns = whole(name, optarg, 100, 10000000) * 1000ull;
            break;
        case WATCHDOG_MS:
            options->watchdog_ms = whole(name, optarg, 1, 30000);
            break;
        case STATS:
            options->statistics_every = seconds(name, optarg);
            break;
        case 'v':
            options->verbose = true;
            break;
        case REFUSE_VERIFY:
            knobs->refuse_verify = true;
            break;
        case VERIFY_LOOP:
            knobs->verify_loop = true;
            break;
        case SLOW_START:
            options->slow_start = seconds(name, optarg);
            break;
        case EXIT_AFTER:
            options->exit_after = seconds(name, optarg);
            break;
        case EXIT_CODE:
            options->exit_code = whole(name, optarg, 0, 255);
            break;
        case ERROR_AFTER:
            knobs->error_after_ns = nanoseconds(seconds(name, optarg));
            break;
        case STALL_AFTER:
            knobs->stall_after_ns = nanoseconds(seconds(name, optarg));
            break;
        case DEGRADE:
            knobs->degrade_ns = whole(name, optarg, 1, 1000) * 1000000ull;
            break;
        case ONE_CPU:
            knobs->only_cpu = whole(name, optarg, 0, MAX_CPUS - 1);
            break;
        case STARVE:
            if (strchr(optarg, '/') || !*optarg || strlen(optarg) >= NAME_LENGTH)
                refuse(name, optarg, "the name of a cgroup, not a path");
            strcpy(knobs->starve, optarg);
            break;
        case STARVE_FOR:
            knobs->starve_ns = nanoseconds(seconds(name, optarg));
            break;
        case STARVE_RAN:
            knobs->starve_ran_ns = whole(name, optarg, 1, 60000) * 1000000ull;
            break;
        case IGNORE_CPUSETS:
            knobs->ignore_cpusets = true;
            break;
        case RACE:
            knobs->race = true;
            break;
        case WIDEN_CPUSETS:
            options->widen_cpusets = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            fputs("scx_ktstr: try --help\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "scx_ktstr: takes options only, got '%s'\n", argv[optind]);
        exit(EXIT_USAGE);
    }
}
