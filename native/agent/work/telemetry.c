#include "telemetry.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

// The part of the layout that docs/protocol.md guarantees to executables.
_Static_assert(offsetof(struct telemetry, stop) == 12 && offsetof(struct telemetry, iterations) == 16 &&
                   offsetof(struct telemetry, work_units) == 24 && offsetof(struct telemetry, max_gap_ns) == 32 &&
                   offsetof(struct telemetry, max_gap_at_ns) == 40 && offsetof(struct telemetry, max_gap_cpu) == 48 &&
                   offsetof(struct telemetry, wake_kept) == 52 && offsetof(struct telemetry, wake_seen) == 56 &&
                   offsetof(struct telemetry, migration_count) == 64 && offsetof(struct telemetry, start_ns) == 72 &&
                   offsetof(struct telemetry, cpus_used) == 736 && offsetof(struct telemetry, migrations) == 1248 &&
                   offsetof(struct telemetry, latencies) == 17632,
               "the telemetry page's layout is part of the protocol");

struct telemetry *telemetry_create(int *fd) {
    // Linux 6.3 and later want every caller to say whether the memory may be executed; older kernels reject the flag.
    const unsigned int noexec_seal = 0x0008;
    int file = memfd_create("ktstr-telemetry", MFD_CLOEXEC | noexec_seal);
    if (file < 0)
        file = memfd_create("ktstr-telemetry", MFD_CLOEXEC);
    if (file < 0)
        return NULL;
    struct telemetry *telemetry = MAP_FAILED;
    if (ftruncate(file, sizeof *telemetry) == 0)
        telemetry = mmap(NULL, sizeof *telemetry, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (telemetry == MAP_FAILED) {
        close(file);
        return NULL;
    }
    telemetry->magic = TELEMETRY_MAGIC;
    telemetry->version = 1;
    *fd = file;
    return telemetry;
}

void telemetry_free(struct telemetry *telemetry) { munmap(telemetry, sizeof *telemetry); }
