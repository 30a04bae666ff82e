#include "channel.h"

#include "base/clock.h"
#include "base/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const uint64_t patience_ns = 5000000000;
static const uint8_t doorbell = 0x07;

int channel_open(struct channel *channel, const char *path) {
    *channel = (struct channel){.serial = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    if (channel->serial < 0)
        return errno;
    struct termios line;
    if (tcgetattr(channel->serial, &line) < 0)
        return errno;
    cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    line.c_cflag &= ~(tcflag_t)(CRTSCTS | HUPCL);
    cfsetspeed(&line, B115200);
    if (tcsetattr(channel->serial, TCSANOW, &line) < 0)
        return errno;
    return 0;
}

int channel_adopt(struct channel *channel, int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return errno;
    *channel = (struct channel){.serial = fd};
    return 0;
}

// The host can no longer be reached, so print the reason on the console; the end of the machine tells the host the
// rest.
static void give_up(struct channel *channel, const char *why) {
    if (!channel->lost)
        console_print("ktstr-agent: %s\n", why);
    channel->lost = true;
}

static void send_serial(struct channel *channel, const uint8_t *data, size_t length) {
    uint64_t limit = now_ns() + patience_ns;
    while (length > 0 && !channel->lost) {
        ssize_t sent = write(channel->serial, data, length);
        if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
            limit = now_ns() + patience_ns;
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            give_up(channel, "COM2 failed");
            return;
        }
        struct pollfd writable = {.fd = channel->serial, .events = POLLOUT};
        poll(&writable, 1, 100);
        if (now_ns() > limit)
            give_up(channel, "COM2 accepts no bytes");
    }
}

static void send_ring(struct channel *channel, const uint8_t *data, size_t length) {
    uint64_t limit = now_ns() + patience_ns;
    while (!ring_fits(&channel->ring, length)) {
        if (length > channel->ring.data_size || channel->ring.linear || now_ns() > limit) {
            give_up(channel, "ring full");
            return;
        }
        struct timespec nap = timespec_of(1000000);
        nanosleep(&nap, NULL);
    }
    ring_write(&channel->ring, data, length);
    send_serial(channel, &doorbell, 1);
}

struct buffer *channel_frame(struct channel *channel, uint16_t type) {
    channel->out.length = 0;
    frame_begin(&channel->out, type, channel->seq);
    return &channel->out;
}

void channel_send(struct channel *channel) {
    frame_end(&channel->out, 0);
    channel->seq++;
    if (channel->serial < 0 || channel->lost || channel->mute)
        return;
    size_t length = channel->out.length;
    if (channel->corrupt_next)
        channel->out.data[length - 1] ^= 0xff;
    if (channel->tear_next)
        length /= 2;
    channel->corrupt_next = false;
    if (channel->use_ring)
        send_ring(channel, channel->out.data, length);
    else
        send_serial(channel, channel->out.data, length);
    channel->lost |= channel->tear_next;
}

size_t channel_payload_limit(const struct channel *channel) {
    size_t limit = 65536 * 8;
    if (channel->use_ring && channel->ring.data_size / 4 < limit)
        limit = channel->ring.data_size / 4;
    return limit;
}

const char *channel_fill(struct channel *channel) {
    uint8_t chunk[4096];
    ssize_t got;
    size_t taken;
    bool by_ring = channel->use_ring && channel->ring.input_size > 0;
    while ((got = read(channel->serial, chunk, sizeof chunk)) > 0) {
        for (ssize_t i = 0; by_ring && i < got; i++)
            if (chunk[i] != doorbell)
                return "a byte on COM2 is not the doorbell";
        if (!by_ring)
            put_raw(&channel->in, chunk, (size_t)got);
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        return "COM2 has been closed";
    while (by_ring && (taken = ring_read(&channel->ring, chunk, sizeof chunk)) > 0) {
        if (taken == SIZE_MAX)
            return "head and tail of the input ring disagree";
        put_raw(&channel->in, chunk, taken);
    }
    return NULL;
}

enum frame_result channel_next(struct channel *channel, struct frame *frame, char *error, size_t error_size) {
    return frame_parse(channel->in.data, channel->in.length, channel->in_offset, channel->in_seq, frame, error,
                       error_size);
}

void channel_consume(struct channel *channel, const struct frame *frame) {
    size_t left = channel->in.length - frame->size;
    memmove(channel->in.data, channel->in.data + frame->size, left);
    channel->in.length = left;
    channel->in_offset += frame->size;
    channel->in_seq++;
}

void channel_drain(struct channel *channel) {
    if (channel->serial >= 0 && !channel->lost)
        tcdrain(channel->serial);
}
