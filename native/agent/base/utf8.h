// UTF-8 well-formedness (Unicode 15, table 3-7).
#ifndef KTSTR_UTF8_H
#define KTSTR_UTF8_H

#include <stddef.h>
#include <stdint.h>

// Returns the size in bytes of the character at `text`, or 0 if it is malformed or cut off.
size_t utf8_character(const uint8_t *text, size_t available);

#endif
