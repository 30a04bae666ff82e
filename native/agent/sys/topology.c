#include "topology.h"

#include "base/cpumask.h"
#include "base/exhausted.h"
#include "base/textfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Returns the numbers in the cpulist file `path`, at most CPUMASK_CPUS. The caller frees them.
static uint32_t *numbers_of_list(const char *path, uint32_t *count) {
    struct cpumask mask = {0};
    *count = 0;
    uint32_t *numbers = calloc(CPUMASK_CPUS, sizeof *numbers);
    char *text = numbers ? textfile_whole(path, NULL) : NULL;
    if (text)
        cpulist_parse(text, &mask);
    free(text);
    for (uint32_t i = 0; numbers && i < CPUMASK_CPUS; i++)
        if (mask.words[i / 64] >> (i % 64) & 1)
            numbers[(*count)++] = i;
    return numbers;
}

static uint32_t number(const char *root, const char *format, uint32_t index, uint32_t otherwise) {
    char file[64], path[512];
    snprintf(file, sizeof file, format, index);
    snprintf(path, sizeof path, "%s/%s", root, file);
    int64_t value = textfile_number(path, otherwise);
    return value < 0 ? 0 : (uint32_t)value;
}

// Returns the first line of any length, which the caller frees. A missing file counts as empty.
static char *text(const char *root, const char *format, uint32_t index) {
    char file[64], path[512];
    snprintf(file, sizeof file, format, index);
    snprintf(path, sizeof path, "%s/%s", root, file);
    char *whole = textfile_whole(path, NULL);
    if (whole)
        whole[strcspn(whole, "\n")] = 0;
    else
        whole = strdup("");
    if (!whole)
        exhausted(1);
    return whole;
}

static struct topology_cpu read_cpu(const char *root, uint32_t index) {
    struct topology_cpu cpu = {.cpu = index};
    struct cpumask mask = {0};
    cpu.package = number(root, "cpu/cpu%u/topology/physical_package_id", index, 0);
    cpu.core_id = number(root, "cpu/cpu%u/topology/core_id", index, index);
    cpu.thread_siblings = text(root, "cpu/cpu%u/topology/thread_siblings_list", index);
    char *shared = text(root, "cpu/cpu%u/cache/index3/shared_cpu_list", index);
    // Without a cache directory the core is its own last-level cache.
    if (shared[0] == 0) {
        free(shared);
        shared = text(root, "cpu/cpu%u/topology/thread_siblings_list", index);
    }
    cpu.llc_shared = shared;
    int lowest = cpulist_parse(cpu.llc_shared, &mask);
    cpu.llc_id = lowest < 0 ? index : (uint32_t)lowest;
    return cpu;
}

static uint64_t node_memory_kb(const char *root, uint32_t index) {
    char path[512], key[64];
    snprintf(path, sizeof path, "%s/node/node%u/meminfo", root, index);
    snprintf(key, sizeof key, "Node %u MemTotal:", index);
    return textfile_field(path, key, 0);
}

static struct topology_node read_node(const char *root, uint32_t index) {
    struct topology_node node = {.node = index, .mem_total_kb = node_memory_kb(root, index)};
    char *line = text(root, "node/node%u/distance", index);
    node.cpulist = text(root, "node/node%u/cpulist", index);
    node.distances = calloc(strlen(line) / 2 + 1, sizeof *node.distances);
    for (char *at = line, *end; node.distances; at = end) {
        unsigned long distance = strtoul(at, &end, 10);
        if (end == at)
            break;
        node.distances[node.distance_count++] = (uint32_t)distance;
    }
    free(line);
    return node;
}

struct topology topology_read(const char *root) {
    struct topology topology = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/cpu/online", root);
    uint32_t *cpus = numbers_of_list(path, &topology.cpu_count);
    snprintf(path, sizeof path, "%s/node/online", root);
    uint32_t *nodes = numbers_of_list(path, &topology.node_count);
    topology.cpus = calloc(topology.cpu_count + 1, sizeof *topology.cpus);
    topology.nodes = calloc(topology.node_count + 1, sizeof *topology.nodes);
    if (!cpus || !nodes || !topology.cpus || !topology.nodes)
        exhausted(CPUMASK_CPUS * sizeof *cpus);
    for (uint32_t i = 0; i < topology.cpu_count; i++)
        topology.cpus[i] = read_cpu(root, cpus[i]);
    for (uint32_t i = 0; i < topology.node_count; i++) {
        topology.nodes[i] = read_node(root, nodes[i]);
        struct cpumask mask = {0};
        cpulist_parse(topology.nodes[i].cpulist, &mask);
        for (uint32_t c = 0; c < topology.cpu_count; c++)
            if (mask.words[cpus[c] / 64] >> (cpus[c] % 64) & 1)
                topology.cpus[c].node = nodes[i];
    }
    free(cpus);
    free(nodes);
    return topology;
}

void topology_free(struct topology *topology) {
    for (uint32_t i = 0; i < topology->cpu_count; i++) {
        free((char *)topology->cpus[i].thread_siblings);
        free((char *)topology->cpus[i].llc_shared);
    }
    for (uint32_t i = 0; i < topology->node_count; i++) {
        free((char *)topology->nodes[i].cpulist);
        free(topology->nodes[i].distances);
    }
    free(topology->nodes);
    free(topology->cpus);
    *topology = (struct topology){0};
}
