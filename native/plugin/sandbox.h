/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fork server gives up instead of qemu's `-sandbox spawn=deny`, which would keep it from forking. */
#ifndef KTSTR_SANDBOX_H
#define KTSTR_SANDBOX_H

/* No thread of this process starts a program any more. Where the kernel has no seccomp nothing changes. */
void sandbox_no_programs(void);
/* This process makes no process or thread any more. */
void sandbox_no_processes(void);

#endif
