// Instructions that do nothing but mark a moment for a plugin of the emulator (native/plugin/plugin.c): NOPs whose
// displacement names them.
#ifndef KTSTR_MARKER_H
#define KTSTR_MARKER_H

#ifdef __x86_64__
#define MARKER(digit) __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 'K', 'T', 'S', '" digit "'" ::: "memory")
#else
#define MARKER(digit) ((void)0)
#endif

// The machine is ready for a plan. It may be forked here, and each child may be given a plan of its own.
static inline void marker_fork_point(void) { MARKER("1"); }
// Everything has been sent.
static inline void marker_end(void) { MARKER("2"); }

#endif
