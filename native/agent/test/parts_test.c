// Tests the small parts: CRC, ring, cpulists, command line, handover, topology, UTF-8.
#include "check.h"

#include "base/cpumask.h"
#include "base/crc32.h"
#include "base/utf8.h"
#include "session/handover.h"
#include "session/online.h"
#include "sys/cmdline.h"
#include "sys/topology.h"
#include "wire/ring.h"

#include <sys/stat.h>
#include <unistd.h>

static void crc(struct checks *checks) {
    CHECK(checks, crc32_of(0, "123456789", 9) == 0xcbf43926); // the check value of CRC-32/ISO-HDLC
    CHECK(checks, crc32_of(crc32_of(0, "1234", 4), "56789", 5) == 0xcbf43926);
    CHECK(checks, crc32_of(0, "", 0) == 0);
}

static void ring_wraps(struct checks *checks) {
    enum { SIZE = 4096 + 64 };
    uint64_t memory[SIZE / 8];
    uint8_t *bytes = (uint8_t *)memory, chunk[24], expected = 0;
    struct ring ring;
    memset(memory, 0xaa, sizeof memory);
    ring_format(&ring, memory, SIZE);
    CHECK(checks, memcmp(bytes, "KTSTRING", 8) == 0 && memory[8] == 0 && memory[16] == 0);
    CHECK(checks, ring.data_size == 64 && ring_fits(&ring, 64) && !ring_fits(&ring, 65));
    uint64_t tail = 0;
    for (int round = 0; round < 40; round++) {
        for (size_t i = 0; i < sizeof chunk; i++)
            chunk[i] = (uint8_t)(round * 24 + (int)i);
        CHECK(checks, ring_fits(&ring, sizeof chunk));
        ring_write(&ring, chunk, sizeof chunk);
        CHECK(checks, memory[8] == (uint64_t)(round + 1) * 24);
        // The host reads byte n of the stream at n mod data_size.
        for (; tail < ring.head; tail++)
            CHECK(checks, bytes[4096 + tail % 64] == expected++);
        memory[16] = tail;
    }
    ring_write(&ring, chunk, 24);
    ring_write(&ring, chunk, 24);
    CHECK(checks, !ring_fits(&ring, 24) && ring_fits(&ring, 16));
    // A tail beyond the head must not make the ring seem larger than it is.
    memory[16] = ring.head + 80;
    CHECK(checks, !ring_fits(&ring, 80));
}

static void ring_input(struct checks *checks) {
    enum { SIZE = 20 * 4096, INPUT = 4096 };
    uint64_t *memory = calloc(1, SIZE);
    uint8_t *input = (uint8_t *)memory + SIZE - INPUT, bytes[3000], expected = 0, next = 0;
    struct ring ring;
    ring_format(&ring, memory, SIZE);
    CHECK(checks, ring.input_size == INPUT && ring.data_size == SIZE - 4096 - INPUT);
    CHECK(checks, ring_read(&ring, bytes, sizeof bytes) == 0);
    uint64_t head = 0;
    for (int round = 0; round < 20; round++) {
        // The host writes byte n at n mod input_size.
        for (int i = 0; i < 3500; i++, head++)
            input[head % INPUT] = next++;
        memory[24] = head;
        size_t first = ring_read(&ring, bytes, sizeof bytes);
        CHECK(checks, first == sizeof bytes);
        for (size_t i = 0; i < first; i++)
            CHECK(checks, bytes[i] == expected++);
        size_t second = ring_read(&ring, bytes, sizeof bytes);
        CHECK(checks, second == 500 && memory[32] == head);
        for (size_t i = 0; i < second; i++)
            CHECK(checks, bytes[i] == expected++);
    }
    memory[24] = head + INPUT + 1;
    CHECK(checks, ring_read(&ring, bytes, sizeof bytes) == SIZE_MAX);
    free(memory);
}

static void cpulists(struct checks *checks) {
    struct cpumask mask = {0};
    char text[64];
    CHECK(checks, cpulist_parse("2-4,7,64", &mask) == 2);
    CHECK(checks, mask.words[0] == 0x9c && mask.words[1] == 1);
    cpumask_text(&mask, text, sizeof text);
    CHECK_TEXT(checks, text, "2-4,7,64");
    CHECK(checks, cpulist_parse("", &mask) == -1);
    // CPUs over the limit are left out and do not count as the lowest.
    CHECK(checks, cpulist_parse("99999999999,5000-6000", &mask) == -1);
    CHECK(checks, cpulist_parse("5000,9-7,4095", &mask) == 4095);
    mask = (struct cpumask){0};
    for (int cpu = 0; cpu < 40; cpu += 2)
        mask.words[0] |= 1ull << cpu;
    cpumask_text(&mask, text, 32);
    CHECK_TEXT(checks, text, "0,2,4,6,8,10,12,14…");
    uint32_t over[] = {4096};
    CHECK(checks, !cpumask_of((struct cpu_list){1, over}, &mask));
}

static void command_line(struct checks *checks) {
    struct cmdline options =
        cmdline_parse("console=ttyS0 ktstr.ring=0x8000000,1000000 ktstr.deadline_ms=1500 ktstr.mode=live "
                      "ktstr.fault=torn\n");
    CHECK(checks, options.ring_address == 0x8000000 && options.ring_size == 0x1000000);
    CHECK(checks, options.deadline_ns == 1500000000 && options.mode == MODE_LIVE && options.fault == FAULT_TORN);
    CHECK_TEXT(checks, options.notes, "");
    options = cmdline_parse("");
    CHECK(checks, options.ring_size == 0 && options.deadline_ns == 600000000000 && options.mode == MODE_PLAN);
    options = cmdline_parse("ktstr.plan=0x18000000,1000000 ktstr.ring=0x8000000,10000000");
    CHECK(checks,
          options.plan_address == 0x18000000 && options.plan_size == 0x1000000 && options.ring_size == 0x10000000);
    CHECK(checks, cmdline_parse("ktstr.plan=0x18000001,1000000").plan_size == 0);
    options = cmdline_parse("ktstr.mode=planet ktstr.ring=8,8 ktstr.deadline_ms=-1 ktstr.nope=1 ktstr.bare");
    CHECK_TEXT(checks, options.notes,
               "ktstr.mode=planet is not understood; ktstr.ring=8,8 is not understood; ktstr.deadline_ms=-1 is not "
               "understood; ktstr.nope=1 is not understood; ktstr.bare is not understood; ");
    CHECK(checks, options.mode == MODE_PLAN && options.deadline_ns == 600000000000);
    // Quoted text is one word, whatever its key; blanks are those of the kernel.
    options = cmdline_parse("a=\"b ktstr.mode=live\"\tktstr.clock=deterministic\vktstr.trace=on");
    CHECK(checks, options.mode == MODE_PLAN && options.deterministic && options.trace);
    CHECK_TEXT(checks, options.notes, "");
    // The ring's numbers have 32 bits.
    options = cmdline_parse("ktstr.ring=0x1000,0x100000000 ktstr.ring=0xfffffffffffff000,2000");
    CHECK(checks, options.ring_size == 0);
    // No word is lost, however long the line, and words without room in the notes are mentioned as others.
    char line[8192] = "";
    for (int i = 0; i < 200; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "ktstr.unknown_key_%d=1 ", i);
    strcat(line, "ktstr.mode=live");
    options = cmdline_parse(line);
    CHECK(checks, options.mode == MODE_LIVE);
    CHECK(checks, strstr(options.notes, "ktstr.unknown_key_9=1 is not understood; "));
    CHECK_TEXT(checks, options.notes + strlen(options.notes) - 14, "; and others; ");
    memset(line, 'x', 3000);
    memcpy(line, "ktstr.", 6);
    line[3000] = 0;
    options = cmdline_parse(line);
    CHECK(checks, strstr(options.notes, "xxx… is not understood; "));
}

static void write_file(const char *root, const char *path, const char *text) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *file = fopen(full, "we");
    if (!file)
        exit(2);
    fputs(text, file);
    fclose(file);
}

static void sysfs(struct checks *checks) {
    char root[] = "/tmp/ktstr-topology-XXXXXX";
    if (!mkdtemp(root))
        exit(2);
    write_file(root, "cpu/online", "0,2-3\n");
    write_file(root, "node/online", "0-1\n");
    write_file(root, "cpu/cpu0/topology/physical_package_id", "0\n");
    write_file(root, "cpu/cpu0/topology/thread_siblings_list", "0\n");
    write_file(root, "cpu/cpu2/topology/physical_package_id", "1\n");
    write_file(root, "cpu/cpu2/topology/core_id", "5\n");
    write_file(root, "cpu/cpu2/topology/thread_siblings_list", "2-3\n");
    write_file(root, "cpu/cpu2/cache/index3/shared_cpu_list", "2-3\n");
    write_file(root, "cpu/cpu3/cache/index3/shared_cpu_list", "2-3\n");
    write_file(root, "node/node0/cpulist", "0\n");
    // As long as the lists of large machines with alternating siblings.
    char many[8192] = "3";
    for (int cpu = 4; cpu < 1024; cpu += 2)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",%d", cpu);
    write_file(root, "cpu/cpu3/topology/thread_siblings_list", many);
    write_file(root, "node/node0/meminfo", "Node 0 MemTotal:        1000 kB\nNode 0 MemFree: 1 kB\n");
    write_file(root, "node/node0/distance", "10 21\n");
    write_file(root, "node/node1/cpulist", "2-3\n");
    struct topology topology = topology_read(root);
    CHECK(checks, topology.cpu_count == 3 && topology.node_count == 2);
    CHECK(checks, topology.cpus[0].llc_id == 0 && topology.cpus[0].node == 0);
    CHECK_TEXT(checks, topology.cpus[0].llc_shared, "0"); // no cache directory: the core itself
    CHECK(checks, topology.cpus[1].cpu == 2 && topology.cpus[1].package == 1 && topology.cpus[1].core_id == 5);
    CHECK(checks, topology.cpus[2].llc_id == 2 && topology.cpus[2].node == 1);
    CHECK_TEXT(checks, topology.cpus[1].thread_siblings, "2-3");
    CHECK_TEXT(checks, topology.cpus[2].thread_siblings, many);
    CHECK(checks, topology.nodes[0].mem_total_kb == 1000 && topology.nodes[0].distance_count == 2);
    CHECK(checks, topology.nodes[0].distances[1] == 21 && topology.nodes[1].distance_count == 0);
    topology_free(&topology);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", root);
    CHECK(checks, system(command) == 0);
}

static void utf8(struct checks *checks) {
    CHECK(checks, utf8_character((const uint8_t *)"a", 1) == 1);
    CHECK(checks, utf8_character((const uint8_t *)"\xc3\xa4", 2) == 2);
    CHECK(checks, utf8_character((const uint8_t *)"\xe2\x82\xac", 3) == 3);
    CHECK(checks, utf8_character((const uint8_t *)"\xf0\x9f\x98\x80", 4) == 4);
    CHECK(checks, utf8_character((const uint8_t *)"\xf0\x9f\x98\x80", 3) == 0);
    CHECK(checks, utf8_character((const uint8_t *)"\xed\xa0\x80", 3) == 0);
    CHECK(checks, utf8_character((const uint8_t *)"\xf4\x90\x80\x80", 4) == 0);
    CHECK(checks, utf8_character((const uint8_t *)"\x80", 1) == 0);
}

static void uevents(struct checks *checks) {
    uint32_t cpu = 0;
    bool online = true;
    CHECK(checks, online_parse("offline@/devices/system/cpu/cpu13", &cpu, &online) && cpu == 13 && !online);
    CHECK(checks, online_parse("online@/devices/system/cpu/cpu0", &cpu, &online) && cpu == 0 && online);
    static const char *const others[] = {"",
                                         "offline",
                                         "add@/devices/system/cpu/cpu1",
                                         "offline@/devices/system/cpu/cpu",
                                         "offline@/devices/system/cpu/cpu1/cache",
                                         "offline@/devices/system/cpu/cpu-1",
                                         "offline@/devices/system/cpu/cpu99999999999",
                                         "offline@/devices/system/memory/memory1",
                                         "onlined@/devices/system/cpu/cpu1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(checks, !online_parse(others[i], &cpu, &online));
}

static bool handed_over(const uint8_t *memory, size_t size, struct handover *handover, char text[512]) {
    struct failure failure = {0};
    bool good = handover_copy(handover, memory, size, &failure);
    snprintf(text, 512, "%s", failure.message);
    return good;
}

static void handovers(struct checks *checks) {
    enum { SIZE = 128, VERSION_AT = 8, LENGTH_AT = 12, DEADLINE_AT = 16, BYTES_AT = 64 };
    uint8_t memory[SIZE] = "KTSTPLAN";
    uint32_t version = 1, length = SIZE - BYTES_AT;
    uint64_t deadline_ms = 1500;
    struct handover handover = {0};
    char text[512];
    memcpy(memory + VERSION_AT, &version, sizeof version);
    memcpy(memory + LENGTH_AT, &length, sizeof length);
    memcpy(memory + DEADLINE_AT, &deadline_ms, sizeof deadline_ms);
    memset(memory + BYTES_AT, 0x5a, length);
    if (CHECK(checks, handed_over(memory, SIZE, &handover, text))) {
        CHECK(checks, handover.length == length && handover.deadline_ns == 1500000000);
        memory[BYTES_AT] = 0; // the copy remains unchanged
        CHECK(checks, handover.bytes[0] == 0x5a && handover.bytes[length - 1] == 0x5a);
        free(handover.bytes);
    }
    length++;
    memcpy(memory + LENGTH_AT, &length, sizeof length);
    CHECK(checks, !handed_over(memory, SIZE, &handover, text));
    CHECK_TEXT(checks, text, "a plan of 65 bytes does not fit in the 64 reserved");
    length = 0;
    memcpy(memory + LENGTH_AT, &length, sizeof length);
    CHECK(checks, handed_over(memory, SIZE, &handover, text) && handover.length == 0);
    free(handover.bytes);
    deadline_ms = 0;
    memcpy(memory + DEADLINE_AT, &deadline_ms, sizeof deadline_ms);
    CHECK(checks, !handed_over(memory, SIZE, &handover, text));
    version = 2;
    memcpy(memory + VERSION_AT, &version, sizeof version);
    CHECK(checks, !handed_over(memory, SIZE, &handover, text));
    CHECK_TEXT(checks, text, "version 2, this agent knows version 1");
    CHECK(checks, !handed_over(memory, BYTES_AT - 1, &handover, text));
    memory[0] = 0;
    CHECK(checks, !handed_over(memory, SIZE, &handover, text));
    CHECK_TEXT(checks, text, "there is no plan");
}

int main(void) {
    struct checks checks = {0};
    crc(&checks);
    ring_wraps(&checks);
    ring_input(&checks);
    cpulists(&checks);
    command_line(&checks);
    handovers(&checks);
    sysfs(&checks);
    utf8(&checks);
    uevents(&checks);
    return check_end(&checks, "parts");
}
