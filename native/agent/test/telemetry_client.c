// An executable for the `exec` primitive: counts iterations in its telemetry page until it is asked to stop.
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

int main(int argc, char **argv) {
    const char *path = getenv("KTSTR_TELEMETRY");
    int fd = path ? open(path, O_RDWR) : -1;
    uint8_t *page = fd < 0 ? MAP_FAILED : mmap(NULL, 817632, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED || memcmp(page, "KTSTRTEL", 8) != 0)
        return 3;
    volatile uint32_t *stop = (volatile uint32_t *)(void *)(page + 12);
    volatile uint64_t *iterations = (volatile uint64_t *)(void *)(page + 16);
    volatile uint64_t *units = (volatile uint64_t *)(void *)(page + 24);
    bool deaf = argc > 1 && strcmp(argv[1], "deaf") == 0;
    while (deaf || !*stop) {
        struct timespec nap = {.tv_nsec = 1000000};
        nanosleep(&nap, NULL);
        ++*iterations;
        *units += 2;
    }
    return argc > 1 ? atoi(argv[1]) : 0;
}
