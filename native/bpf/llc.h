/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LLC_H
#define LLC_H

/*
 * Numbers the last-level caches of CPUs 0 to cpus - 1 from 0 on, in the order of their first CPU, and stores the number
 * of each CPU in llc_of[]. Returns the number of caches, at most `most`. CPUs of further caches, and CPUs for which the
 * kernel shows no cache, get 0.
 */
unsigned number_llcs(unsigned cpus, unsigned most, unsigned short *llc_of);

#endif
