/* The guest's code; the host runs the same loop for comparison. See guest_code.S. */
#ifndef KTSTR_GUEST_CODE_H
#define KTSTR_GUEST_CODE_H

/* The guest reports its progress by writing these to GUEST_PORT. */
#define GUEST_PORT 0x10
#define GUEST_ENTERED 1
#define GUEST_POPCNT_DONE 2
#define GUEST_CMPXCHG16B_DONE 3
#define GUEST_LOOP_DONE 4

/* Offsets in the results page, whose address is in the guest's %rbx. */
#define RESULT_POPCNT 0
#define RESULT_SWAPPED 8
#define RESULT_PAIR 16
#define RESULT_LOOP 32

#define POPCNT_OPERAND 0x123456789abcdef0
#define PAIR_OLD_LOW 0x0f0e0d0c0b0a0908
#define PAIR_OLD_HIGH 0x1716151413121110
#define PAIR_NEW_LOW 0x2726252423222120
#define PAIR_NEW_HIGH 0x3736353433323130

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t guest_code[];
extern const uint8_t guest_code_end[];

/* Does `rounds` dependent multiplications, with the same instructions as the guest. */
uint64_t guest_loop(uint64_t rounds);
#endif

#endif
