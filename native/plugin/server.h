/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine that stands at its fork point, and the children that go on from there. */
#ifndef KTSTR_SERVER_H
#define KTSTR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Descriptors that qemu inherits from the host, and the physical range that host and guest share. */
struct server_options {
    int control, com1, com2, range;
    uint64_t address, size;
};

/* Reads `name=value` words; false with a message on standard error if one is missing or wrong. */
bool server_options(struct server_options *options, int argc, char **argv);
/* Tells the host that the plugin works with this qemu. */
void server_begin(const struct server_options *options);
/* Puts the shared range into the guest's memory, which exists now that code is translated. Only the first call does
 * anything. */
void server_built(void);
/* The fork point. Returns in children only; in a child it does nothing. */
void server_run(void);
/* The end point. Ends a child; in the server it tells the host that there was no fork point. */
void server_end(void);

#endif
