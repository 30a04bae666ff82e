// The `ktstr.` keys of the kernel command line.
#ifndef KTSTR_CMDLINE_H
#define KTSTR_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mode { MODE_PLAN, MODE_LIVE };
enum fault { FAULT_NONE, FAULT_CRASH, FAULT_TORN, FAULT_CRC, FAULT_HANG, FAULT_MUTE };

struct cmdline {
    uint64_t ring_address, ring_size; // 0: none
    uint64_t plan_address, plan_size; // of the plan's second part; 0: there is none
    uint64_t deadline_ns;             // after the agent's start
    enum mode mode;
    enum fault fault;
    bool deterministic; // the host only reads: nothing is waited for that it does
    bool trace;         // the tracer's text is sent at the end
    char notes[512];    // keys that were not understood, each ended by "; "
    bool notes_full;    // there are more, which the last note says
};

struct cmdline cmdline_defaults(void);
// Takes one word; one that does not begin with `ktstr.` is somebody else's.
void cmdline_take(struct cmdline *options, const char *word);
// All words of a command line.
struct cmdline cmdline_parse(const char *text);

#endif
