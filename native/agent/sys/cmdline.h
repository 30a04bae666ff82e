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
    uint64_t plan_address, plan_size; // of the plan's second part; 0: no second part
    uint64_t deadline_ns;             // after the agent's start
    enum mode mode;
    enum fault fault;
    bool deterministic; // the host only reads: the agent never waits for it
    bool trace;         // send the text of the tracer at the end
    char notes[512];    // keys that were not understood, each followed by "; "
    bool notes_full;    // more keys did not fit; the last note says so
};

struct cmdline cmdline_defaults(void);
// Parses one word. Ignores a word that does not begin with `ktstr.`.
void cmdline_take(struct cmdline *options, const char *word);
// Parses all words of a command line.
struct cmdline cmdline_parse(const char *text);

#endif
