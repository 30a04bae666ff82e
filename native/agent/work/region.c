#include "region.h"

#include "failure_note.h"

#include <errno.h>
#include <sys/mman.h>

static const size_t page_bytes = 4096;

void region_map(struct interp *interp, uint32_t slot, uint64_t bytes, bool no_huge_pages) {
    struct interp_slot *region = &interp->slots[slot];
    if (region->memory)
        munmap(region->memory, region->bytes);
    *region = (struct interp_slot){0};
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        note_failure(interp->probe.page, OP_MAP, errno);
        return;
    }
    if (no_huge_pages)
        madvise(memory, bytes, MADV_NOHUGEPAGE); // EINVAL: the kernel has no huge pages
    *region = (struct interp_slot){.memory = memory, .bytes = bytes};
}

void region_touch(struct interp *interp, uint32_t slot, uint32_t pages, bool random) {
    struct interp_slot *region = &interp->slots[slot];
    struct probe *probe = &interp->probe;
    if (!region->memory) {
        note_failure(probe->page, OP_TOUCH, EFAULT);
        return;
    }
    size_t count = (region->bytes + page_bytes - 1) / page_bytes;
    for (uint32_t i = 0; i < pages; i++) {
        size_t page = random ? probe_below(probe, count) : region->next_page++ % count;
        *(volatile uint8_t *)(region->memory + page * page_bytes) = (uint8_t)i;
        if (--probe->budget == 0) {
            checkpoint(probe);
            if (stop_requested(probe))
                return;
        }
    }
}

void region_discard(struct interp *interp, uint32_t slot) {
    struct interp_slot *region = &interp->slots[slot];
    if (!region->memory || madvise(region->memory, region->bytes, MADV_DONTNEED) < 0)
        note_failure(interp->probe.page, OP_DISCARD, region->memory ? errno : EFAULT);
}
