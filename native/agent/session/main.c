// ktstr-agent: PID 1 of the guest, or a child process on a host. docs/protocol.md describes everything it does.
#include "agent.h"
#include "base/clock.h"
#include "base/console.h"
#include "base/textfile.h"
#include "fault.h"
#include "host.h"
#include "init.h"
#include "online.h"
#include "out_of_memory.h"
#include "poweroff.h"
#include "session.h"
#include "sys/mark.h"
#include "sys/topology.h"
#include "wire/event.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

// Below the thread that cuts the power (poweroff.c), above all workers except those of SCHED_FIFO priority 98 or 99.
enum { CONTROL_PRIORITY = 98 };

static void note(char *notes, size_t size, const char *what, int error) {
    size_t used = strlen(notes);
    if (error)
        snprintf(notes + used, size - used, "%s: %s; ", what, strerror(error));
}

// Makes the control thread real-time, so that it outranks SCHED_OTHER and SCHED_EXT whatever the scheduler under test
// does to them. Workers start with the default policy.
static int become_realtime(void) {
    struct sched_param priority = {.sched_priority = CONTROL_PRIORITY};
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) < 0 ? errno : 0;
}

static void set_signals(struct agent *agent) {
    // SIGCHLD is only unblocked in ppoll; its handler exists so that ppoll returns.
    sigemptyset(&agent->blocked);
    sigaddset(&agent->blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &agent->blocked, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

static void on_child(int signal) { (void)signal; }

static void send_ready(struct agent *agent, const char *notes) {
    struct topology topology = topology_read("/sys/devices/system");
    struct utsname names;
    uname(&names);
    event_ready(&agent->link.channel, now_ns(), names.release, names.version, &topology, notes);
    topology_free(&topology);
}

static bool run(struct agent *agent) {
    if (agent->options.mode == MODE_LIVE)
        return live_run(agent);
    return plan_run(agent, agent->link.host ? HOST_PLAN : "/ktstr/plan");
}

// Sends the counters of every CPU, which two identical runs share to the nanosecond.
static void send_schedstat(struct agent *agent) {
    char *text = textfile_whole("/proc/schedstat", NULL);
    event_schedstat(&agent->link.channel, text ? text : "");
    free(text);
}

// Sends the trace of the events in trace_event= on the command line, in the text format that Perfetto reads.
static void send_trace(struct agent *agent) {
    static uint8_t chunk[32768];
    ssize_t got;
    textfile_write("/sys/kernel/tracing/tracing_on", "0");
    int file = open("/sys/kernel/tracing/trace", O_RDONLY | O_CLOEXEC);
    while (file >= 0 && !agent->link.channel.lost && (got = read(file, chunk, sizeof chunk)) > 0)
        event_trace(&agent->link.channel, chunk, (uint32_t)got);
    if (file >= 0)
        close(file);
}

// Runs a session from READY to DONE.
static void serve(struct agent *agent, char *notes, size_t size) {
    // The control loop ends the run at the deadline; this thread acts if the loop can't.
    note(notes, size, "deadline", poweroff_deadline(agent->link.deadline_ns / 1000000 + 2000));
    note(notes, size, "SCHED_FIFO", become_realtime());
    fault_before_ready(agent);
    online_begin(agent);
    send_ready(agent, notes);
    fault_after_ready(agent);
    bool good = run(agent);
    // The power is cut two seconds after the deadline.
    bool late = agent->link.ended_by || link_is_late(&agent->link);
    group_stop_all(&agent->groups, late ? 500000000 : 5000000000);
    scheduler_finish(&agent->scheduler);
    process_stop_all(&agent->processes);
    online_end(agent);
    if (agent->options.deterministic)
        send_schedstat(agent);
    if (agent->options.trace)
        send_trace(agent);
    event_done(&agent->link.channel, now_ns(), good, agent->groups.workers_reported);
}

static void take_options(struct agent *agent, struct cmdline options, char *notes, size_t size) {
    agent->options = options;
    agent->link.deadline_ns = options.deadline_ns;
    strncat(notes, options.notes, size - strlen(notes) - 1);
}

static _Noreturn void guest_main(struct agent *agent) {
    char notes[4096] = "";
    snprintf(agent->cgroups.root, sizeof agent->cgroups.root, "%s", CGROUP_ROOT);
    agent->link.scratch = SCRATCH_DIRECTORY;
    init_mounts(notes, sizeof notes);
    char *words = textfile_whole("/proc/cmdline", NULL);
    note(notes, sizeof notes, "/proc/cmdline", words ? 0 : errno);
    take_options(agent, cmdline_parse(words ? words : ""), notes, sizeof notes);
    free(words);
    int error = channel_open(&agent->link.channel, "/dev/ttyS1");
    if (error) {
        console_print("ktstr-agent: /dev/ttyS1: %s; the machine needs a second serial port\n", strerror(error));
        poweroff_now(&agent->link.channel);
    }
    out_of_memory_tell(&agent->link.channel);
    if (agent->options.ring_size)
        note(notes, sizeof notes, "ring in /dev/mem",
             ring_map(&agent->link.channel.ring, agent->options.ring_address, agent->options.ring_size));
    agent->link.channel.ring.linear = agent->options.deterministic;
    serve(agent, notes, sizeof notes);
    poweroff_now(&agent->link.channel);
}

static int host_main(struct agent *agent, const char *mount, char **words) {
    char notes[4096] = "";
    struct cmdline options = cmdline_defaults();
    for (; *words; words++)
        cmdline_take(&options, *words);
    take_options(agent, options, notes, sizeof notes);
    if (!host_begin(agent, mount, notes, sizeof notes))
        return 69;
    out_of_memory_tell(&agent->link.channel);
    serve(agent, notes, sizeof notes);
    host_end(agent, mount);
    process_forget_all(&agent->processes);
    free(agent->step_label);
    buffer_free(&agent->link.channel.in);
    buffer_free(&agent->link.channel.out);
    return 0;
}

int main(int argc, char **argv) {
    struct agent agent;
    agent_init(&agent);
    // The kernel passes unknown words of its command line to PID 1: these are not options of the agent.
    bool first = getpid() == 1, host = !first && argc > 2 && strcmp(argv[1], "--host") == 0;
    if (!first && argc == 3 && strcmp(argv[1], "--marks") == 0)
        return mark_list(argv[2]) == 0 ? 0 : 69;
    if (!first && !host) {
        fprintf(stderr,
                "ktstr-agent: this is the guest's PID 1; it mounts file systems and powers off, so it does not run "
                "here as process %d\n",
                (int)getpid());
        return 64;
    }
    set_signals(&agent);
    struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &child, NULL);
    if (host)
        return host_main(&agent, argv[2], argv + 3);
    guest_main(&agent);
}
