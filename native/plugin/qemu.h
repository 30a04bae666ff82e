/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of qemu that the plugin uses: version 1 of the plugin interface (qemu 4.2 to 8.2), declared here so that no
 * header package is needed, and a few functions that qemu exports for its own modules, which are looked up when the
 * plugin is loaded.
 */
#ifndef KTSTR_QEMU_H
#define KTSTR_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*callback)(unsigned int cpu, void *data),
                                            enum qemu_plugin_cb_flags flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

/* The types of the functions with which all of qemu takes its lock and waits for conditions (util/qemu-thread-posix.c).
 */
typedef void mutex_lock(void *mutex, const char *file, int line);
typedef void cond_wait(void *condition, void *mutex, const char *file, int line);

struct qemu {
    /* The lock held by the main loop and the devices. */
    void (*lock)(const char *file, int line);
    void (*unlock)(void);
    void (*unlock_mutex)(void *mutex, const char *file, int line);
    mutex_lock **lock_function;
    cond_wait **cond_wait;
    bool (*all_cpus_idle)(void);
    /* Sets a counted clock that does not sleep to the next timer if all CPUs are idle. */
    void (*warp)(void);
    /* Both return why the guest requested a shutdown or reset, or 0 if it did not. */
    int (*shutdown_requested)(void);
    int (*reset_requested)(void);
    /* Returns the host address of guest memory. */
    void *(*map)(uint64_t address, uint64_t *length, bool write);
    /* Returns the address of the calling thread's `current_cpu`. */
    void **(*current_cpu)(void);
};

extern struct qemu qemu;

/* Fills `qemu`. Returns the name of a symbol that this qemu does not export, or NULL. */
const char *qemu_find(void);

#endif
