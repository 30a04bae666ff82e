/* SPDX-License-Identifier: GPL-2.0 */
/* The compiled BPF half, embedded in the loader as data. */
    .section .rodata
    .balign 8
    .globl bpf_object_start, bpf_object_end
bpf_object_start:
    .incbin "scheduler.bpf.o"
bpf_object_end:

    .section .note.GNU-stack, "", @progbits
