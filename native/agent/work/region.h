// Anonymous memory in slots: map, touch, discard.
#ifndef KTSTR_REGION_H
#define KTSTR_REGION_H

#include "interp.h"

void region_map(struct interp *interp, uint32_t slot, uint64_t bytes, bool no_huge_pages);
void region_touch(struct interp *interp, uint32_t slot, uint32_t pages, bool random);
void region_discard(struct interp *interp, uint32_t slot);

#endif
