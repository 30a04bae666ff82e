/* SPDX-License-Identifier: GPL-2.0 */
/* The compiled BPF half as data of the loader. */
    .section .rodata
    .balign 8
    .globl bpf_object_start, bpf_object_end
bpf_object_start:
    .incbin "scheduler.bpf.o"
bpf_object_end:

    .section .note.GNU-stack, "", @progbits
