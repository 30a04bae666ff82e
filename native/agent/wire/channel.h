// The channel to the host: COM2 in raw mode, and the ring, if any, for guest→host frames.
#ifndef KTSTR_CHANNEL_H
#define KTSTR_CHANNEL_H

#include "base/buffer.h"
#include "frame.h"
#include "ring.h"

struct channel {
    int serial; // -1: no COM2
    struct ring ring;
    bool use_ring; // true after READY
    uint32_t seq;  // sequence number of the next frame sent
    bool corrupt_next;
    bool tear_next;
    bool mute;
    bool lost; // the host can no longer be reached
    struct buffer out;
    // Host→guest.
    struct buffer in;
    uint64_t in_offset;
    uint32_t in_seq;
};

// Opens COM2. Returns 0 or an errno.
int channel_open(struct channel *channel, const char *path);

// Uses an open socket as the channel. Returns 0 or an errno.
int channel_adopt(struct channel *channel, int fd);

// Begins a frame in channel->out and returns the buffer for the payload; channel_send closes and sends the frame.
struct buffer *channel_frame(struct channel *channel, uint16_t type);
void channel_send(struct channel *channel);

// Returns the maximum size in bytes of a payload, chosen so that several frames fit in the ring.
size_t channel_payload_limit(const struct channel *channel);

// Receives the bytes that the host has sent. Returns NULL, or a description of the error.
const char *channel_fill(struct channel *channel);
// Parses the next frame received; its payload is valid until channel_consume.
enum frame_result channel_next(struct channel *channel, struct frame *frame, char *error, size_t error_size);
void channel_consume(struct channel *channel, const struct frame *frame);

// Waits until every byte has left COM2.
void channel_drain(struct channel *channel);

#endif
