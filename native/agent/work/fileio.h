// The worker's private file in the scratch directory.
#ifndef KTSTR_FILEIO_H
#define KTSTR_FILEIO_H

#include "interp.h"

// Creates the file with as many bytes as the program reads. Returns 0 or an errno.
int fileio_open(struct interp *interp, const char *scratch);
void fileio_write(struct interp *interp, uint64_t bytes, uint32_t block);
void fileio_read(struct interp *interp, const struct instruction *instruction);
void fileio_sync(struct interp *interp);

#endif
