#include "kvm_probe.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest_code.h"

/* Guest-physical layout, all in one slot. */
#define GUEST_BYTES 0x10000
#define PML4_AT 0x1000
#define PDPT_AT 0x2000
#define PD_AT 0x3000
#define RESULTS_AT 0x4000
#define STACK_TOP 0x6000
#define CODE_AT 0x8000

/* Intel SDM volume 3, 2.5, 2.2.1 and 4.5. */
#define CR0_PE (1ULL << 0)
#define CR0_ET (1ULL << 4)
#define CR0_NE (1ULL << 5)
#define CR0_PG (1ULL << 31)
#define CR4_PAE (1ULL << 5)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)
#define PTE_PRESENT_WRITABLE 3ULL
#define PTE_LARGE (1ULL << 7)

/* Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR: three pages not covered by any slot, needed on older Intel CPUs. */
#define TSS_AT 0xfffbd000UL

/* Rounds of the loop. The first loop is short, so that a KVM that is thousands of times too slow is detected within the
 * deadline. */
#define SHORT_ROUNDS 2000ULL
#define LONG_ROUNDS 400000ULL
#define REPEATS 3
/* Hardware is never slower than this: nested virtualisation stays below 2, interpreters are in the hundreds. */
#define HIGHEST_RATIO 8

struct vm {
    int kvm;
    int vm;
    int vcpu;
    uint8_t *memory;
    struct kvm_run *run;
    size_t run_size;
};

static void judge(struct kvm_probe_result *result, enum kvm_probe_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void judge(struct kvm_probe_result *result, enum kvm_probe_verdict verdict, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(result->reason, sizeof(result->reason), format, args);
    va_end(args);
    result->verdict = verdict;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

const char *kvm_probe_verdict_name(enum kvm_probe_verdict verdict) {
    switch (verdict) {
    case KVM_PROBE_USABLE:
        return "usable";
    case KVM_PROBE_TOO_SLOW:
        return "too slow";
    case KVM_PROBE_WRONG:
        return "wrong";
    case KVM_PROBE_ABSENT:
        return "absent";
    case KVM_PROBE_DENIED:
        return "denied";
    }
    return "wrong";
}

static bool open_kvm(struct vm *vm, struct kvm_probe_result *result) {
    vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm < 0) {
        bool denied = errno == EACCES || errno == EPERM;
        judge(result, denied ? KVM_PROBE_DENIED : KVM_PROBE_ABSENT, "/dev/kvm: %s", strerror(errno));
        return false;
    }
    int version = ioctl(vm->kvm, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        judge(result, KVM_PROBE_WRONG, "/dev/kvm speaks API version %d, not %d", version, KVM_API_VERSION);
        return false;
    }
    return true;
}

/* Gives the guest all CPUID features of this KVM, so that no check of guest features fails. */
static int set_cpuid(const struct vm *vm) {
    const uint32_t entries = 256;
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + entries * sizeof(cpuid->entries[0]));
    if (cpuid == NULL)
        return -1;
    cpuid->nent = entries;
    int failed = ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
    if (!failed)
        failed = ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid);
    int error = errno;
    free(cpuid);
    errno = error;
    return failed;
}

static void fill_memory(uint8_t *memory) {
    uint64_t pml4 = PDPT_AT | PTE_PRESENT_WRITABLE;
    uint64_t pdpt = PD_AT | PTE_PRESENT_WRITABLE;
    uint64_t pd = PTE_PRESENT_WRITABLE | PTE_LARGE;
    uint64_t pair[2] = {PAIR_OLD_LOW, PAIR_OLD_HIGH};
    memcpy(memory + PML4_AT, &pml4, sizeof(pml4));
    memcpy(memory + PDPT_AT, &pdpt, sizeof(pdpt));
    memcpy(memory + PD_AT, &pd, sizeof(pd));
    memcpy(memory + RESULTS_AT + RESULT_PAIR, pair, sizeof(pair));
    memcpy(memory + CODE_AT, guest_code, (size_t)(guest_code_end - guest_code));
}

static int set_registers(const struct vm *vm) {
    struct kvm_sregs sregs;
    if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
        return -1;
    struct kvm_segment code = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .base = 0};
    struct kvm_segment data = code;
    data.selector = 16;
    data.type = 3;
    data.l = 0;
    data.db = 1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
    sregs.cr3 = PML4_AT;
    sregs.cr4 = CR4_PAE;
    sregs.efer = EFER_LME | EFER_LMA;
    if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs))
        return -1;
    struct kvm_regs regs = {.rip = CODE_AT, .rsp = STACK_TOP, .rbx = RESULTS_AT, .rbp = SHORT_ROUNDS, .rflags = 2};
    return ioctl(vm->vcpu, KVM_SET_REGS, &regs);
}

static bool create(struct vm *vm, struct kvm_probe_result *result) {
    const char *step = "KVM_CREATE_VM";
    do {
        vm->vm = ioctl(vm->kvm, KVM_CREATE_VM, 0);
        if (vm->vm < 0)
            break;
        step = "KVM_SET_TSS_ADDR";
        if (ioctl(vm->vm, KVM_SET_TSS_ADDR, TSS_AT))
            break;
        step = "mmap of guest memory";
        void *memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            break;
        vm->memory = memory;
        fill_memory(vm->memory);
        step = "KVM_SET_USER_MEMORY_REGION";
        struct kvm_userspace_memory_region region = {.memory_size = GUEST_BYTES,
                                                     .userspace_addr = (uint64_t)(uintptr_t)vm->memory};
        if (ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region))
            break;
        step = "KVM_CREATE_VCPU";
        vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, 0);
        if (vm->vcpu < 0)
            break;
        step = "mmap of kvm_run";
        int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
        if (size < (int)sizeof(struct kvm_run))
            break;
        void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
        if (run == MAP_FAILED)
            break;
        vm->run = run;
        vm->run_size = (size_t)size;
        step = "KVM_SET_CPUID2";
        if (set_cpuid(vm))
            break;
        step = "KVM_SET_SREGS";
        if (set_registers(vm))
            break;
        return true;
    } while (0);
    judge(result, KVM_PROBE_WRONG, "%s: %s", step, strerror(errno));
    return false;
}

static void destroy(struct vm *vm) {
    if (vm->run != NULL)
        munmap(vm->run, vm->run_size);
    if (vm->vcpu >= 0)
        close(vm->vcpu);
    if (vm->vm >= 0)
        close(vm->vm);
    if (vm->memory != NULL)
        munmap(vm->memory, GUEST_BYTES);
    if (vm->kvm >= 0)
        close(vm->kvm);
}

static void judge_exit(const struct vm *vm, const char *doing, struct kvm_probe_result *result) {
    const struct kvm_run *run = vm->run;
    switch (run->exit_reason) {
    case KVM_EXIT_INTERNAL_ERROR:
        judge(result, KVM_PROBE_WRONG, "%s: KVM internal error %u%s", doing, run->internal.suberror,
              run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
                  ? " (it emulates guest code and lacks the instruction)"
                  : "");
        break;
    case KVM_EXIT_SHUTDOWN:
        judge(result, KVM_PROBE_WRONG, "%s: the instruction faulted", doing);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        judge(result, KVM_PROBE_WRONG, "%s: the CPU refused to enter the guest, reason 0x%llx", doing,
              (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        break;
    default:
        judge(result, KVM_PROBE_WRONG, "%s: unexpected exit %u", doing, run->exit_reason);
    }
}

/* Runs until the guest reports `mark`. */
static bool run_to(const struct vm *vm, uint8_t mark, const char *doing, uint64_t deadline_ns,
                   struct kvm_probe_result *result) {
    while (ioctl(vm->vcpu, KVM_RUN, 0)) {
        if (errno != EINTR) {
            judge(result, KVM_PROBE_WRONG, "%s: KVM_RUN: %s", doing, strerror(errno));
            return false;
        }
        if (now_ns() >= deadline_ns) {
            judge(result, KVM_PROBE_TOO_SLOW, "%s did not end in time", doing);
            return false;
        }
    }
    const struct kvm_run *run = vm->run;
    bool marked = run->exit_reason == KVM_EXIT_IO && run->io.port == GUEST_PORT &&
                  ((const uint8_t *)run)[run->io.data_offset] == mark;
    if (!marked)
        judge_exit(vm, doing, result);
    return marked;
}

static uint64_t stored(const struct vm *vm, size_t at) {
    uint64_t value;
    memcpy(&value, vm->memory + RESULTS_AT + at, sizeof(value));
    return value;
}

static bool check_instructions(const struct vm *vm, uint64_t deadline_ns, struct kvm_probe_result *result) {
    if (!run_to(vm, GUEST_ENTERED, "entering 64-bit mode", deadline_ns, result) ||
        !run_to(vm, GUEST_POPCNT_DONE, "POPCNT", deadline_ns, result))
        return false;
    if (stored(vm, RESULT_POPCNT) != (uint64_t)__builtin_popcountll(POPCNT_OPERAND)) {
        judge(result, KVM_PROBE_WRONG, "POPCNT returned %llu", (unsigned long long)stored(vm, RESULT_POPCNT));
        return false;
    }
    if (!run_to(vm, GUEST_CMPXCHG16B_DONE, "CMPXCHG16B", deadline_ns, result))
        return false;
    if (stored(vm, RESULT_SWAPPED) != 1 || stored(vm, RESULT_PAIR) != PAIR_NEW_LOW ||
        stored(vm, RESULT_PAIR + 8) != PAIR_NEW_HIGH) {
        judge(result, KVM_PROBE_WRONG, "CMPXCHG16B did not exchange");
        return false;
    }
    return true;
}

/* Returns the best of a few measurements, so that a busy host is not mistaken for a slow KVM. */
static uint64_t host_loop_ns(uint64_t rounds, uint64_t *value) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < REPEATS; i++) {
        uint64_t began = now_ns();
        *value = guest_loop(rounds);
        uint64_t took = now_ns() - began;
        if (took < best)
            best = took;
    }
    return best > 0 ? best : 1;
}

static bool time_loop(const struct vm *vm, uint64_t rounds, uint64_t allowance_ns, uint64_t deadline_ns,
                      struct kvm_probe_result *result) {
    struct kvm_regs regs;
    if (ioctl(vm->vcpu, KVM_GET_REGS, &regs)) {
        judge(result, KVM_PROBE_WRONG, "KVM_GET_REGS: %s", strerror(errno));
        return false;
    }
    regs.rbp = rounds;
    if (ioctl(vm->vcpu, KVM_SET_REGS, &regs)) {
        judge(result, KVM_PROBE_WRONG, "KVM_SET_REGS: %s", strerror(errno));
        return false;
    }
    uint64_t expected;
    result->host_ns = host_loop_ns(rounds, &expected);
    result->guest_ns = 0;
    for (int i = 0; i < REPEATS; i++) {
        uint64_t began = now_ns();
        bool done = run_to(vm, GUEST_LOOP_DONE, "the timed loop", deadline_ns, result);
        uint64_t took = now_ns() - began;
        if (result->guest_ns == 0 || took < result->guest_ns)
            result->guest_ns = took;
        if (!done)
            return false;
        if (stored(vm, RESULT_LOOP) != expected) {
            judge(result, KVM_PROBE_WRONG, "the timed loop computed a wrong value");
            return false;
        }
    }
    if (result->guest_ns > result->host_ns * HIGHEST_RATIO + allowance_ns) {
        judge(result, KVM_PROBE_TOO_SLOW,
              "guest code ran %.0f times slower than on the host (usable: at most %d): this KVM interprets or "
              "emulates it",
              (double)result->guest_ns / (double)result->host_ns, HIGHEST_RATIO);
        return false;
    }
    return true;
}

static bool host_has_instructions(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_POPCNT) && (c & bit_CMPXCHG16B);
}

void kvm_probe(uint64_t deadline_ns, struct kvm_probe_result *result) {
    struct vm vm = {.kvm = -1, .vm = -1, .vcpu = -1};
    memset(result, 0, sizeof(*result));
    if (!open_kvm(&vm, result)) {
        destroy(&vm);
        return;
    }
    /* The exits around the short loop may take 2 ms if even exits are emulated; compared with the long loop they are
     * negligible. */
    if (!host_has_instructions())
        judge(result, KVM_PROBE_WRONG, "the host CPU itself lacks POPCNT or CMPXCHG16B");
    else if (create(&vm, result) && check_instructions(&vm, deadline_ns, result) &&
             time_loop(&vm, SHORT_ROUNDS, 2000000, deadline_ns, result) &&
             time_loop(&vm, LONG_ROUNDS, 0, deadline_ns, result))
        judge(result, KVM_PROBE_USABLE, "guest code runs at %.2f times the host's own time",
              (double)result->guest_ns / (double)result->host_ns);
    destroy(&vm);
}
