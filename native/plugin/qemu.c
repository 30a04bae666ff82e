/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu.h"

#include <dlfcn.h>
#include <string.h>

struct qemu qemu;

static void **current_cpu(void) { return dlsym(RTLD_DEFAULT, "current_cpu"); }

/* `later` is the name in later versions, if it changed. */
static const struct {
    void *into;
    const char *name, *later;
} symbols[] = {
    {&qemu.lock, "qemu_mutex_lock_iothread_impl", "bql_lock_impl"},
    {&qemu.unlock, "qemu_mutex_unlock_iothread", "bql_unlock"},
    {&qemu.unlock_mutex, "qemu_mutex_unlock_impl", NULL},
    {&qemu.lock_function, "qemu_bql_mutex_lock_func", "bql_mutex_lock_func"},
    {&qemu.cond_wait, "qemu_cond_wait_func", NULL},
    {&qemu.all_cpus_idle, "all_cpu_threads_idle", NULL},
    {&qemu.warp, "icount_start_warp_timer", NULL},
    {&qemu.shutdown_requested, "qemu_shutdown_requested_get", NULL},
    {&qemu.reset_requested, "qemu_reset_requested_get", NULL},
    {&qemu.map, "cpu_physical_memory_map", NULL},
};

const char *qemu_find(void) {
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(RTLD_DEFAULT, symbols[i].name);
        if (!found && symbols[i].later)
            found = dlsym(RTLD_DEFAULT, symbols[i].later);
        if (!found)
            return symbols[i].name;
        memcpy(symbols[i].into, &found, sizeof found);
    }
    if (!current_cpu())
        return "current_cpu";
    qemu.current_cpu = current_cpu;
    return NULL;
}
