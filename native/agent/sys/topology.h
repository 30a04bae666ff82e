// CPUs and NUMA nodes as sysfs shows them.
#ifndef KTSTR_TOPOLOGY_H
#define KTSTR_TOPOLOGY_H

#include "base/buffer.h"

struct topology_cpu {
    uint32_t cpu, node, package, core_id, llc_id;
    const char *thread_siblings, *llc_shared; // cpulists, never NULL
};

struct topology_node {
    uint32_t node;
    const char *cpulist; // never NULL
    uint64_t mem_total_kb;
    uint32_t distance_count;
    uint32_t *distances;
};

struct topology {
    uint32_t cpu_count, node_count;
    struct topology_cpu *cpus;
    struct topology_node *nodes;
};

// Reads the tree at `root` (normally /sys/devices/system) for the online CPUs and nodes.
struct topology topology_read(const char *root);
void topology_free(struct topology *topology);
void put_topology(struct buffer *buffer, const struct topology *topology);

#endif
