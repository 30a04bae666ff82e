// The line to the host: COM2 in raw mode, and the ring for guest→host frames when there is one.
#ifndef KTSTR_CHANNEL_H
#define KTSTR_CHANNEL_H

#include "base/buffer.h"
#include "frame.h"
#include "ring.h"

struct channel {
    int serial; // -1: no COM2
    struct ring ring;
    bool use_ring; // after READY
    uint32_t seq;  // of the next frame sent
    bool corrupt_next;
    bool tear_next;
    bool mute;
    bool lost; // nothing reaches the host any more
    struct buffer out;
    // Host→guest.
    struct buffer in;
    uint64_t in_offset;
    uint32_t in_seq;
};

// Opens COM2; 0 or an errno.
int channel_open(struct channel *channel, const char *path);

// Takes a socket that is open; 0 or an errno.
int channel_adopt(struct channel *channel, int fd);

// Begins a frame in channel->out and gives the buffer to put the payload in; channel_send closes and sends it.
struct buffer *channel_frame(struct channel *channel, uint16_t type);
void channel_send(struct channel *channel);

// The most bytes a payload should have so that several frames fit in the ring.
size_t channel_payload_limit(const struct channel *channel);

// Takes what the host has sent. NULL, or what is wrong.
const char *channel_fill(struct channel *channel);
// The next frame received; its payload is valid until channel_consume.
enum frame_result channel_next(struct channel *channel, struct frame *frame, char *error, size_t error_size);
void channel_consume(struct channel *channel, const struct frame *frame);

// Waits until every byte has left COM2.
void channel_drain(struct channel *channel);

#endif
