/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WIDEN_H
#define WIDEN_H

/* Empties cpuset.cpus of every cgroup below the root, so that all have all CPUs of their parent. */
void widen_cpusets(void);

#endif
