// Tests that the watchdog's timeout is replaced in the calls of a process on this machine. No scheduler is attached,
// because the kernel rejects a scheduler without a name.
#include "check.h"

#include "base/textfile.h"
#include "scheduler/timeout.h"
#include "sys/btf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Since Linux 6.4: a map with this flag is only registered by a link.
#ifndef BPF_F_LINK
#define BPF_F_LINK (1U << 13)
#endif

enum { ours_ms = 3000, its_own_ms = 12345, largest_value = 8192 };

// The kernel's description of its struct sched_ext_ops.
struct ops_place {
    uint32_t type, offset;
    bool known;
};

static struct ops_place find_ops(void) {
    struct btf_field data, timeout;
    size_t size;
    uint8_t *bytes = (uint8_t *)textfile_whole("/sys/kernel/btf/vmlinux", &size);
    struct ops_place place = {0};
    place.known = bytes && btf_find_field(bytes, size, "bpf_struct_ops_sched_ext_ops", "data", &data) &&
                  btf_find_field(bytes, size, "sched_ext_ops", "timeout_ms", &timeout);
    if (place.known) {
        place.type = data.structure;
        place.offset = data.offset + timeout.offset;
    }
    free(bytes);
    return place;
}

static int bpf(int command, union bpf_attr *attr) { return (int)syscall(SYS_bpf, command, attr, sizeof *attr); }

// The program's own BTF, which a scheduler's map requires: a single integer type.
static int load_types(void) {
    static const struct {
        struct btf_header header;
        struct btf_type number;
        uint32_t encoding;
        char names[3];
    } types = {
        .header = {.magic = BTF_MAGIC,
                   .version = BTF_VERSION,
                   .hdr_len = sizeof(struct btf_header),
                   .type_len = sizeof(struct btf_type) + 4,
                   .str_off = sizeof(struct btf_type) + 4,
                   .str_len = 3},
        .number = {.name_off = 1, .info = BTF_KIND_INT << 24, .size = 4},
        .encoding = 32,
        .names = "\0n",
    };
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.btf = (uintptr_t)&types;
    attr.btf_size = offsetof(__typeof__(types), names) + sizeof types.names;
    return bpf(BPF_BTF_LOAD, &attr);
}

static int make_map(uint32_t map_type, uint32_t value_size, uint32_t flags, uint32_t value_type, int types) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr); // the whole union: the kernel rejects nonzero bytes that it does not know
    attr.map_type = map_type;
    attr.key_size = 4;
    attr.value_size = value_size;
    attr.max_entries = 1;
    attr.map_flags = flags;
    attr.btf_vmlinux_value_type_id = value_type;
    attr.btf_fd = (uint32_t)types;
    return bpf(BPF_MAP_CREATE, &attr);
}

// The kernel only accepts its own size of the value.
static int make_ops_map(const struct ops_place *place) {
    int map = -1, types = load_types();
    for (uint32_t size = 8; map < 0 && size <= largest_value; size += 8)
        map = make_map(BPF_MAP_TYPE_STRUCT_OPS, size, BPF_F_LINK, place->type, types);
    close(types);
    return map;
}

static int update(int map, void *value) {
    uint32_t key = 0;
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uintptr_t)&key;
    attr.value = (uintptr_t)value;
    return bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0 ? errno : 0;
}

// The results that a process under the filter saw, in memory shared with the test.
struct seen {
    bool set;
    int no_map, plain, ops;
    uint32_t plain_value, ops_value, beside_value;
};

static void in_scheduler(struct seen *seen, const struct ops_place *place, int plain, int ops) {
    static uint8_t value[largest_value];
    uint32_t number = its_own_ms;
    seen->set = scheduler_timeout_set(ours_ms);
    seen->no_map = update(-1, value);
    if (plain >= 0)
        seen->plain = update(plain, &number);
    seen->plain_value = number;
    memcpy(value + place->offset, &number, sizeof number);
    if (ops >= 0)
        seen->ops = update(ops, value);
    memcpy(&seen->ops_value, value + place->offset, sizeof number);
    memcpy(&seen->beside_value, value + place->offset + 4, sizeof number);
}

// The process that replaces timeout_ms is also a child of the test, and ends by itself when no process with the filter
// is left.
static bool all_ended_well(void) {
    int status, bad = 0;
    while (wait(&status) > 0)
        bad += status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return errno == ECHILD && bad == 0;
}

static void replaces_a_schedulers_number_only(struct checks *checks, const struct ops_place *place) {
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int plain = make_map(BPF_MAP_TYPE_ARRAY, 4, 0, 0, 0);
    int ops = make_ops_map(place);
    if (fork() == 0) {
        in_scheduler(seen, place, plain, ops);
        _exit(0);
    }
    CHECK(checks, all_ended_well());
    CHECK(checks, seen->set);
    CHECK(checks, seen->no_map == EBADF || seen->no_map == EPERM);
    CHECK(checks, seen->plain == 0 && seen->plain_value == its_own_ms);
    if (ops < 0)
        printf("timeout_test: this machine makes no map of a scheduler\n");
    else
        CHECK(checks, seen->ops == EINVAL && seen->ops_value == ours_ms && seen->beside_value == 0);
    close(plain);
    close(ops);
    munmap(seen, sizeof *seen);
}

// Callers are killed at arbitrary times of a call while they wait for the answer; the next caller must still be served.
static void survives_killed_callers(struct checks *checks) {
    int ends[2];
    CHECK(checks, pipe(ends) == 0);
    if (fork() == 0) {
        uint32_t value = its_own_ms;
        bool good = scheduler_timeout_set(ours_ms);
        for (int i = 0; good && i < 100; i++) {
            pid_t caller = fork();
            if (caller == 0)
                for (;;)
                    update(-1, &value);
            usleep((useconds_t)(i * 37 % 2000));
            kill(caller, SIGKILL);
            waitpid(caller, NULL, 0);
        }
        int last = update(-1, &value);
        good = good && (last == EBADF || last == EPERM) && write(ends[1], "y", 1) == 1;
        _exit(good ? 0 : 1);
    }
    close(ends[1]);
    char answer = 0;
    CHECK(checks, read(ends[0], &answer, 1) == 1 && answer == 'y');
    CHECK(checks, all_ended_well());
    close(ends[0]);
}

int main(void) {
    struct checks checks = {0};
    alarm(60); // ends a test that hangs
    struct ops_place place = find_ops();
    if (place.known) {
        replaces_a_schedulers_number_only(&checks, &place);
        survives_killed_callers(&checks);
    } else {
        // Without sched_ext nothing is started, so no separate process is needed.
        CHECK(&checks, !scheduler_timeout_set(ours_ms) && errno == ENOSYS);
    }
    return check_end(&checks, "timeout_test");
}
