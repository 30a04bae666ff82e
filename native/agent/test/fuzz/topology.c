// The sysfs files with the topology: pieces of the input, separated by NULs.
#include "fuzz.h"

#include "sys/topology.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {"cpu/online",
                                    "node/online",
                                    "cpu/cpu0/topology/thread_siblings_list",
                                    "cpu/cpu0/cache/index3/shared_cpu_list",
                                    "cpu/cpu1/topology/core_id",
                                    "node/node0/cpulist",
                                    "node/node0/distance",
                                    "node/node0/meminfo"};
static char root[] = "/dev/shm/ktstr-fuzz-XXXXXX";

static void path_of(const char *file, char *path, size_t size) { snprintf(path, size, "%s/%s", root, file); }

static void leave(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", root);
    if (system(command))
        perror(command);
}

static void set_up(void) {
    MUST(mkdtemp(root));
    atexit(leave);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        path_of(files[i], path, sizeof path);
        for (char *slash = path + strlen(root); (slash = strchr(slash + 1, '/'));) {
            *slash = 0;
            mkdir(path, 0755);
            *slash = '/';
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (access(root, F_OK) < 0)
        set_up();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;
        char path[128];
        path_of(files[i], path, sizeof path);
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        MUST(file >= 0 && write(file, data, length) == (ssize_t)length);
        close(file);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    struct topology topology = topology_read(root);
    struct buffer out = {0};
    put_topology(&out, &topology);
    for (uint32_t i = 0; i < topology.cpu_count; i++)
        MUST(topology.cpus[i].cpu < 4096 && topology.cpus[i].llc_id < 4096);
    buffer_free(&out);
    topology_free(&topology);
    return 0;
}
