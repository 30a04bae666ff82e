/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LLC_H
#define LLC_H

/*
 * Numbers the last-level caches of CPUs 0 to cpus - 1 from 0 on, in the order of their first CPU, into llc_of[]. Gives
 * how many there are, at most `most`; CPUs beyond those, and CPUs of which the kernel tells no cache, have 0.
 */
unsigned number_llcs(unsigned cpus, unsigned most, unsigned short *llc_of);

#endif
