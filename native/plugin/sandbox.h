/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The restrictions of a fork server, which can't use qemu's `-sandbox spawn=deny` because that forbids forking. */
#ifndef KTSTR_SANDBOX_H
#define KTSTR_SANDBOX_H

/* Forbids all threads of this process to execute programs. Does nothing if the kernel has no seccomp. */
void sandbox_no_programs(void);
/* Forbids this process to create processes and threads. */
void sandbox_no_processes(void);

#endif
