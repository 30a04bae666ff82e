// ktstr-agent: PID 1 of the guest. Everything it does is in docs/protocol.md.
#include "agent.h"
#include "clock.h"
#include "console.h"
#include "event.h"
#include "fault.h"
#include "init.h"
#include "poweroff.h"
#include "session.h"
#include "textfile.h"
#include "topology.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

// Below the thread that cuts the power (poweroff.c), above every worker but one of Fifo 98 or 99.
enum { CONTROL_PRIORITY = 98 };

static void note(char *notes, size_t size, const char *what, int error) {
    size_t used = strlen(notes);
    if (error)
        snprintf(notes + used, size - used, "%s: %s; ", what, strerror(error));
}

// The control thread outranks whatever the scheduler under test does to SCHED_OTHER and SCHED_EXT; workers start
// ordinary.
static int become_realtime(void) {
    struct sched_param priority = {.sched_priority = CONTROL_PRIORITY};
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) < 0 ? errno : 0;
}

static void set_signals(struct agent *agent) {
    // Taken only inside ppoll; the handler exists so that ppoll returns.
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
    event_ready(&agent->channel, now_ns(), names.release, names.version, &topology, notes);
    topology_free(&topology);
}

static bool run(struct agent *agent) {
    return agent->options.mode == MODE_LIVE ? live_run(agent) : plan_run(agent, "/ktstr/plan");
}

int main(void) {
    struct agent agent = {.start_ns = now_ns(), .step = UINT32_MAX};
    char notes[2048] = "", cmdline[4096];
    if (getpid() != 1) {
        fprintf(stderr,
                "ktstr-agent: this is the guest's PID 1; it mounts file systems and powers off, so it does not run "
                "here as process %d\n",
                (int)getpid());
        return 64;
    }
    init_mounts(notes, sizeof notes);
    note(notes, sizeof notes, "/proc/cmdline", textfile_read("/proc/cmdline", cmdline, sizeof cmdline));
    agent.options = cmdline_parse(cmdline);
    strncat(notes, agent.options.notes, sizeof notes - strlen(notes) - 1);
    // The control loop ends the run at the deadline; this is for when it can't.
    note(notes, sizeof notes, "deadline", poweroff_deadline(agent.options.deadline_ns / 1000000 + 2000));
    note(notes, sizeof notes, "SCHED_FIFO", become_realtime());
    set_signals(&agent);
    struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &child, NULL);
    fault_before_ready(&agent);

    int error = channel_open(&agent.channel, "/dev/ttyS1");
    if (error) {
        console_print("ktstr-agent: /dev/ttyS1: %s; the machine needs a second serial port\n", strerror(error));
        poweroff_now(&agent.channel);
    }
    if (agent.options.ring_size)
        note(notes, sizeof notes, "ring in /dev/mem",
             ring_map(&agent.channel.ring, agent.options.ring_address, agent.options.ring_size));
    agent.live = agent.options.mode == MODE_LIVE;
    send_ready(&agent, notes);
    fault_after_ready(&agent);
    bool good = run(&agent);
    // After the deadline there are two seconds before the power is cut.
    bool late = now_ns() >= agent.start_ns + agent.options.deadline_ns;
    group_stop_all(&agent, late ? 500000000 : 5000000000);
    process_stop_all(&agent);
    event_done(&agent.channel, now_ns(), good, agent.workers_reported);
    poweroff_now(&agent.channel);
}
