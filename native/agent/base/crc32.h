// CRC-32 (IEEE 802.3, reflected), the same as zlib's.
#ifndef KTSTR_CRC32_H
#define KTSTR_CRC32_H

#include <stddef.h>
#include <stdint.h>

// Returns the CRC of the bytes whose CRC is `seed` (0: no bytes) followed by `data`.
uint32_t crc32_of(uint32_t seed, const void *data, size_t length);

#endif
