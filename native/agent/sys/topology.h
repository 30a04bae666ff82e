// CPUs and NUMA nodes according to sysfs.
#ifndef KTSTR_TOPOLOGY_H
#define KTSTR_TOPOLOGY_H

#include "wire/event.h"

// Reads the online CPUs and nodes from the tree at `root` (normally /sys/devices/system).
struct topology topology_read(const char *root);
void topology_free(struct topology *topology);

#endif
