// What PID 1 owes the guest before anything else: file systems, standard streams, directories.
#ifndef KTSTR_INIT_H
#define KTSTR_INIT_H

#include <stddef.h>

// Mounts everything; what failed is added to `notes`, each item ended by "; ". Only called as PID 1.
void init_mounts(char *notes, size_t size);

#endif
