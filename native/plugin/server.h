/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine that stays at its fork point, and the children that continue from there. */
#ifndef KTSTR_SERVER_H
#define KTSTR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Descriptors that qemu inherits from the host, and the physical range that host and guest share. */
struct server_options {
    int control, com1, com2, range;
    uint64_t address, size;
};

/* Parses `name=value` words. If one is missing or wrong, prints a message to standard error and returns false. */
bool server_options(struct server_options *options, int argc, char **argv);
/* Tells the host that the plugin works with this qemu. */
void server_begin(const struct server_options *options);
/* Maps the shared range into guest memory, which exists once code is translated. Only the first call has an effect. */
void server_built(void);
/* Serves the host at the fork point. Only returns in the children. Does nothing if called in a child. */
void server_run(void);
/* Handles the end point. Ends a child; in a machine that has not reached the fork point, reports that to the host. */
void server_end(void);

#endif
