/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WIDEN_H
#define WIDEN_H

/* Writes the list of all CPUs to cpuset.cpus of every cgroup below the root. */
void widen_cpusets(void);

#endif
