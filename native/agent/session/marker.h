// Instructions that only mark a point in time for a plugin of the emulator (native/plugin/plugin.c): NOPs identified by
// their displacement.
#ifndef KTSTR_MARKER_H
#define KTSTR_MARKER_H

#ifdef __x86_64__
#define MARKER(digit) __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 'K', 'T', 'S', '" digit "'" ::: "memory")
#else
#define MARKER(digit) ((void)0)
#endif

// Marks that the machine is ready for a plan. It may be forked here, and each child may get its own plan.
static inline void marker_fork_point(void) { MARKER("1"); }
// Marks that everything has been sent.
static inline void marker_end(void) { MARKER("2"); }

#endif
