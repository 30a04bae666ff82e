#include "timeout.h"

#include "base/textfile.h"
#include "sys/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Installs a seccomp filter that makes bpf(BPF_MAP_UPDATE_ELEM, …) wait for the listener and allows all other calls.
static int install_filter(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_MAP_UPDATE_ELEM, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

union descriptor_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_descriptor(int socket, int file) {
    char byte = 0;
    union descriptor_room room = {
        .header = {.cmsg_len = CMSG_LEN(sizeof file), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
    memcpy(CMSG_DATA(&room.header), &file, sizeof file);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

static int receive_descriptor(int socket) {
    char byte;
    int file = -1;
    union descriptor_room room = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
        memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
    return file;
}

struct place {
    uint32_t value_type; // BTF id of the struct in a scheduler's map
    uint32_t offset;     // of timeout_ms in that struct
};

// The map's value is struct bpf_struct_ops_sched_ext_ops, whose member `data` is the struct sched_ext_ops.
static bool find_place(struct place *place) {
    struct btf_field data, timeout;
    size_t size;
    uint8_t *bytes = (uint8_t *)textfile_whole("/sys/kernel/btf/vmlinux", &size);
    bool found = bytes && btf_find_field(bytes, size, "bpf_struct_ops_sched_ext_ops", "data", &data) &&
                 btf_find_field(bytes, size, "sched_ext_ops", "timeout_ms", &timeout);
    if (found)
        *place = (struct place){data.structure, data.offset + timeout.offset};
    free(bytes);
    return found;
}

static int bpf(int command, union bpf_attr *attr, size_t size) { return (int)syscall(SYS_bpf, command, attr, size); }

// Returns the kernel type of the values of a process's struct_ops map, or 0 if `map` is not a struct_ops map.
static uint32_t value_type(pid_t pid, uint32_t map) {
    char path[64];
    struct bpf_map_info info = {0};
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%u", (int)pid, map);
    uint64_t type = textfile_field(path, "map_type:", 0), id = textfile_field(path, "map_id:", 0);
    if (type != BPF_MAP_TYPE_STRUCT_OPS)
        return 0;
    union bpf_attr open_map = {.map_id = (uint32_t)id};
    int file = bpf(BPF_MAP_GET_FD_BY_ID, &open_map, sizeof open_map);
    if (file < 0)
        return 0;
    union bpf_attr ask = {.info = {.bpf_fd = (uint32_t)file, .info_len = sizeof info, .info = (uintptr_t)&info}};
    bpf(BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof ask);
    close(file);
    return info.btf_vmlinux_value_type_id;
}

// Returns whether the caller still waits in its call. If not, its process id may belong to another process by now, and
// so may whatever was opened or read through that id.
static bool still_waits(int listener, uint64_t id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

// Replaces timeout_ms if the waiting call hands over a scheduler.
static void look_at(int listener, const struct seccomp_notif *call, const struct place *place, uint32_t timeout_ms) {
    char path[64];
    union bpf_attr attr = {0};
    size_t size = call->data.args[2] < sizeof attr ? (size_t)call->data.args[2] : sizeof attr;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)call->pid);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        return;
    // An open file stays tied to the memory it was opened for: once the caller is known to wait, the file is the
    // caller's, alive or not.
    if (size >= offsetof(union bpf_attr, flags) && still_waits(listener, call->id) &&
        pread(memory, &attr, size, (off_t)call->data.args[1]) == (ssize_t)size &&
        value_type((pid_t)call->pid, attr.map_fd) == place->value_type && still_waits(listener, call->id)) {
        ssize_t ignored = pwrite(memory, &timeout_ms, sizeof timeout_ms, (off_t)(attr.value + place->offset));
        (void)ignored; // on failure the kernel can't read the struct either and refuses the call
    }
    close(memory);
}

// The kernel's structs may be larger than those this was built with.
static size_t at_least(size_t ours, size_t kernels) { return kernels > ours ? kernels : ours; }

// Serves waiting calls until no process with the filter is left.
static _Noreturn void serve(int listener, const struct place *place, uint32_t timeout_ms) {
    struct seccomp_notif_sizes sizes = {0};
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
        _exit(1);
    size_t call_size = at_least(sizeof(struct seccomp_notif), sizes.seccomp_notif);
    struct seccomp_notif *call = malloc(call_size);
    struct seccomp_notif_resp *go_on = calloc(1, at_least(sizeof *go_on, sizes.seccomp_notif_resp));
    if (!call || !go_on)
        _exit(1);
    for (;;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        if (poll(&ready, 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            _exit(1);
        }
        if (!(ready.revents & POLLIN))
            _exit(0);
        memset(call, 0, call_size);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call) < 0) {
            // ENOENT: the caller was killed meanwhile and no longer waits. Any other error would recur.
            if (errno == ENOENT || errno == EINTR)
                continue;
            _exit(1);
        }
        look_at(listener, call, place, timeout_ms);
        *go_on = (struct seccomp_notif_resp){.id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, go_on);
    }
}

static void close_others(int kept) {
    if (kept > 0)
        syscall(SYS_close_range, 0, kept - 1, 0);
    syscall(SYS_close_range, kept + 1, ~0u, 0);
}

static _Noreturn void supervise(int socket, const struct place *place, uint32_t timeout_ms) {
    // The signals that end the scheduler's process group must not end this process, because the scheduler's last calls
    // wait for it.
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "scx_timeout");
    // The inherited pipes are the scheduler's; they must close when the scheduler ends.
    close_others(socket);
    int listener = receive_descriptor(socket);
    if (listener < 0)
        _exit(1);
    close(socket);
    serve(listener, place, timeout_ms);
}

bool scheduler_timeout_set(uint32_t timeout_ms) {
    struct place place;
    int ends[2];
    if (!find_place(&place)) {
        errno = ENOSYS;
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    // CLONE_PARENT makes this a child of the agent: a scheduler must not have children that it did not create.
    long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0) {
        close(ends[1]);
        supervise(ends[0], &place, timeout_ms);
    }
    close(ends[0]);
    int listener = pid < 0 ? -1 : install_filter();
    bool good = listener >= 0 && send_descriptor(ends[1], listener);
    int error = errno;
    if (listener >= 0)
        close(listener);
    close(ends[1]);
    errno = error;
    return good;
}
