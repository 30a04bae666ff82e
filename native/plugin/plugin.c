/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ktstr's plugin for qemu's emulation. It keeps the host's timing out of a machine with a counted clock. Given words,
 * it also turns the machine into a fork server: when the guest's agent executes the fork point, the process stays there
 * and forks a child for each request of the host (docs/fork-server.md). A run without the plugin executes the same
 * instructions, which are NOPs.
 */
#include "control.h"
#include "exact.h"
#include "qemu.h"
#include "server.h"

#include <stdio.h>
#include <string.h>

EXPORT int qemu_plugin_version = 1;

/* 8-byte NOPs identified by their displacement: native/agent/session/marker.h. */
static const uint8_t fork_point[8] = {0x0f, 0x1f, 0x84, 0x00, 'K', 'T', 'S', '1'};
static const uint8_t end_point[8] = {0x0f, 0x1f, 0x84, 0x00, 'K', 'T', 'S', '2'};

static void at_fork_point(unsigned int cpu, void *data) {
    (void)cpu, (void)data;
    server_run();
}

static void at_end_point(unsigned int cpu, void *data) {
    (void)cpu, (void)data;
    server_end();
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    server_built();
    for (size_t i = 0, count = qemu_plugin_tb_n_insns(tb); i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        if (qemu_plugin_insn_size(insn) != sizeof fork_point)
            continue;
        const void *bytes = qemu_plugin_insn_data(insn);
        if (memcmp(bytes, fork_point, sizeof fork_point) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_fork_point, QEMU_PLUGIN_CB_NO_REGS, NULL);
        else if (memcmp(bytes, end_point, sizeof end_point) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_end_point, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv) {
    (void)info;
    struct server_options options;
    if (argc > 0 && !server_options(&options, argc, argv))
        return -1;
    const char *missing = qemu_find();
    if (missing) {
        fprintf(stderr, "ktstr: this qemu does not export %s\n", missing);
        return -1;
    }
    exact_begin();
    if (argc == 0)
        return 0;
    server_begin(&options);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
