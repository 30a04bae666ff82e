/*
 * Position-independent 64-bit ring-0 code. In: %rbx results page, %rbp rounds of the loop, %rsp stack. There is no IDT,
 * so an instruction that this KVM can't run ends in a shutdown exit.
 */
#include "guest_code.h"

        .text
        .globl  guest_code, guest_code_end, guest_loop

guest_code:
        mov     $GUEST_ENTERED, %al
        out     %al, $GUEST_PORT

        movabs  $POPCNT_OPERAND, %rcx
        popcnt  %rcx, %rax
        mov     %rax, RESULT_POPCNT(%rbx)
        mov     $GUEST_POPCNT_DONE, %al
        out     %al, $GUEST_PORT

        mov     %rbx, %r8
        movabs  $PAIR_OLD_LOW, %rax
        movabs  $PAIR_OLD_HIGH, %rdx
        movabs  $PAIR_NEW_LOW, %rbx
        movabs  $PAIR_NEW_HIGH, %rcx
        lock cmpxchg16b RESULT_PAIR(%r8)
        setz    RESULT_SWAPPED(%r8)
        mov     %r8, %rbx
        mov     $GUEST_CMPXCHG16B_DONE, %al
        out     %al, $GUEST_PORT

        /* Repeats forever; the host changes the number of rounds between two exits. */
1:      mov     %rbp, %rdi
        call    guest_loop
        mov     %rax, RESULT_LOOP(%rbx)
        mov     $GUEST_LOOP_DONE, %al
        out     %al, $GUEST_PORT
        jmp     1b

        /* uint64_t guest_loop(uint64_t rounds), System V ABI; the multiplier is Knuth's MMIX. */
        .type   guest_loop, @function
guest_loop:
        movabs  $6364136223846793005, %rdx
        mov     $1, %eax
2:      imul    %rdx, %rax
        add     %rdi, %rax
        dec     %rdi
        jnz     2b
        ret
        .size   guest_loop, . - guest_loop
guest_code_end:

        .section .note.GNU-stack, "", @progbits
