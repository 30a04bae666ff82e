// WORKER_REPORT and the LATENCIES before it.
#ifndef KTSTR_REPORT_H
#define KTSTR_REPORT_H

#include "group.h"
#include "wire/channel.h"

// Logs the worker's troubles, then sends LATENCIES and WORKER_REPORT.
void report_send(struct channel *channel, const struct group *group, const struct worker *worker);
// Sends WORKER_REPORT alone: what the worker measured. If the worker did not reach its end, the agent's own numbers
// replace the last ones.
void report_send_numbers(struct channel *channel, const struct group *group, const struct worker *worker);

#endif
