// CPUs and NUMA nodes as sysfs shows them.
#ifndef KTSTR_TOPOLOGY_H
#define KTSTR_TOPOLOGY_H

#include "wire/event.h"

// Reads the tree at `root` (normally /sys/devices/system) for the online CPUs and nodes.
struct topology topology_read(const char *root);
void topology_free(struct topology *topology);

#endif
