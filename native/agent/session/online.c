#include "online.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "wire/event.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// More changes in one turn are a storm; the lists of CPUs then show the outcome.
enum { CHANGES = 256, KERNEL_GROUP = 1 };

void online_begin(struct agent *agent) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        fd = -1;
    }
    agent->uevents = fd;
}

bool online_parse(const char *words, uint32_t *cpu, bool *online) {
    static const char place[] = "@/devices/system/cpu/cpu";
    const char *at = strchr(words, '@');
    if (!at || strncmp(at, place, sizeof place - 1) != 0)
        return false;
    size_t length = (size_t)(at - words);
    *online = length == 6 && memcmp(words, "online", length) == 0;
    if (!*online && !(length == 7 && memcmp(words, "offline", length) == 0))
        return false;
    const char *digits = at + sizeof place - 1;
    char *end;
    unsigned long number = strtoul(digits, &end, 10);
    *cpu = (uint32_t)number;
    return *digits >= '0' && *digits <= '9' && *end == 0 && number <= UINT32_MAX;
}

static void tell(struct agent *agent, const struct online_change *changes, uint32_t count) {
    char online[4096], isolated[4096];
    textfile_read("/sys/devices/system/cpu/online", online, sizeof online);
    textfile_read("/sys/devices/system/cpu/isolated", isolated, sizeof isolated);
    event_online(&agent->link.channel, now_ns(), changes, count, online, isolated);
}

void online_turn(struct agent *agent) {
    struct online_change changes[CHANGES];
    uint32_t count = 0;
    for (;;) {
        char words[2048];
        struct sockaddr_nl from = {0};
        socklen_t size = sizeof from;
        if (agent->uevents <= 0)
            break;
        ssize_t got = recvfrom(agent->uevents, words, sizeof words - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (got < 0)
            break; // no event is waiting, or some were dropped; the lists of CPUs show the outcome
        words[got] = 0;
        // Only messages from the kernel are trusted.
        if (from.nl_pid == 0 && count < CHANGES && online_parse(words, &changes[count].cpu, &changes[count].online))
            count++;
    }
    if (count)
        tell(agent, changes, count);
}

void online_end(struct agent *agent) {
    online_turn(agent);
    tell(agent, NULL, 0);
    if (agent->uevents > 0)
        close(agent->uevents);
    agent->uevents = -1;
}
