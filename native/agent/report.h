// WORKER_REPORT and the LATENCIES before it.
#ifndef KTSTR_REPORT_H
#define KTSTR_REPORT_H

#include "channel.h"
#include "group.h"

// Sends what a worker measured; how it ended decides which of its numbers are the agent's own.
void report_send(struct channel *channel, const struct group *group, const struct worker *worker);

#endif
