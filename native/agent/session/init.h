// What PID 1 must set up in the guest before anything else: file systems, standard streams, directories.
#ifndef KTSTR_INIT_H
#define KTSTR_INIT_H

#include <stddef.h>

// Mounts everything and appends failures to `notes`, each followed by "; ". Only called as PID 1.
void init_mounts(char *notes, size_t size);

#endif
