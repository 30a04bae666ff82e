#include "host.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "sys/mark.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *const controllers[HOST_CONTROLLERS] = {"cpuset", "cpu"};
static const uint64_t death_patience_ns = 2000000000;

static bool refuse(const char *path, const char *what, int error) {
    fprintf(stderr, "ktstr-agent: %s%s: %s\n", path, what, strerror(error));
    return false;
}

static int switch_controller(const char *mount, char sign, const char *name) {
    char path[600], text[32];
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", mount);
    snprintf(text, sizeof text, "%c%s", sign, name);
    return textfile_write(path, text);
}

static bool lists(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

// Enables the controllers that the mount does not enable for its children; host_end disables them again.
static bool take_controllers(struct agent *agent, const char *mount) {
    char path[600], text[512];
    snprintf(path, sizeof path, "%s/cgroup.controllers", agent->cgroups.root);
    int error = textfile_read(path, text, sizeof text);
    for (int i = 0; !error && i < HOST_CONTROLLERS; i++)
        if (!lists(text, controllers[i])) {
            error = switch_controller(mount, '+', controllers[i]);
            agent->switched_on[i] = error == 0;
        }
    return error == 0 || refuse(mount, "/cgroup.subtree_control", error);
}

static bool populated(const struct agent *agent) {
    char path[600];
    snprintf(path, sizeof path, "%s/cgroup.events", agent->cgroups.root);
    return textfile_field(path, "populated ", 0) != 0;
}

// Kills all processes in the run's cgroups and removes the cgroups.
static void sweep(struct agent *agent) {
    char path[600];
    struct failure failure = {0};
    if (agent->cgroups.root[0] == 0 || access(agent->cgroups.root, F_OK) < 0)
        return;
    snprintf(path, sizeof path, "%s/cgroup.kill", agent->cgroups.root);
    uint64_t limit = now_ns() + death_patience_ns;
    while (populated(agent) && now_ns() < limit) {
        textfile_write(path, "1"); // ENOENT before Linux 5.14: the removal then moves the processes out
        group_bury(&agent->groups);
        struct timespec nap = timespec_of(5000000);
        nanosleep(&nap, NULL);
    }
    if (!cgroup_remove_root(&agent->cgroups, &failure))
        fprintf(stderr, "ktstr-agent: %s\n", failure.message);
}

static bool make_directory(const char *path) { return mkdir(path, 0755) == 0 || refuse(path, "", errno); }

// Creates the root cgroup. Removes an existing cgroup with this name if a dead agent with the same PID left it behind;
// leaves any other as it is.
static bool make_root(struct agent *agent, const char *root) {
    if (mkdir(root, 0755) < 0) {
        if (errno != EEXIST)
            return refuse(root, "", errno);
        if (!mark_of_predecessor(root))
            return refuse(root, " was not made by ktstr and has the name that this run needs; try again", EEXIST);
        snprintf(agent->cgroups.root, sizeof agent->cgroups.root, "%s", root);
        sweep(agent);
        agent->cgroups.root[0] = 0;
        if (!make_directory(root))
            return false;
    }
    // From here on this agent owns the cgroup and may sweep it.
    snprintf(agent->cgroups.root, sizeof agent->cgroups.root, "%s", root);
    int error = mark_set(root);
    return error == 0 || refuse(root, " can't be marked with the attribute user.ktstr", error);
}

static bool make_tree(struct agent *agent, const char *mount) {
    struct cgroup_tree *tree = &agent->cgroups;
    char root[sizeof tree->root], leaf[600];
    struct statfs system;
    // Directories are removed and processes killed only on a cgroup2, which has no links that lead out of it.
    if (statfs(mount, &system) < 0)
        return refuse(mount, "", errno);
    if (system.f_type != CGROUP2_SUPER_MAGIC)
        return refuse(mount, " is not a cgroup2 mount", EINVAL);
    if (snprintf(root, sizeof root, "%s/ktstr-%d", mount, (int)getpid()) >= (int)sizeof root)
        return refuse(mount, "", ENAMETOOLONG);
    if (!make_root(agent, root))
        return false;
    snprintf(tree->leaf, sizeof tree->leaf, "ktstr-root");
    snprintf(leaf, sizeof leaf, "%s/%s", tree->root, tree->leaf);
    return take_controllers(agent, mount) && make_directory(leaf);
}

static bool watch_signals(struct agent *agent) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigaddset(&agent->blocked, SIGTERM);
    sigaddset(&agent->blocked, SIGINT);
    sigaddset(&agent->blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    agent->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return agent->signals >= 0 || refuse("signalfd", "", errno);
}

bool host_begin(struct agent *agent, const char *mount, char *notes, size_t notes_size) {
    size_t used = strlen(notes);
    struct rlimit files;
    const char *temporary = getenv("TMPDIR");
    agent->link.host = true;
    agent->link.scratch = temporary && *temporary ? temporary : "/tmp";
    // The death of the parent sends SIGTERM; it also closes the channel.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // The agent reaps orphans of workers and processes, as it does as PID 1.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
            snprintf(notes + used, notes_size - used, "limit of open files: %s; ", strerror(errno));
    }
    int error = channel_adopt(&agent->link.channel, HOST_CHANNEL);
    if (error)
        return refuse("the channel", "", error);
    if (watch_signals(agent) && make_tree(agent, mount))
        return true;
    host_end(agent, mount);
    return false;
}

void host_end(struct agent *agent, const char *mount) {
    sweep(agent);
    for (int i = 0; i < HOST_CONTROLLERS; i++)
        if (agent->switched_on[i])
            switch_controller(mount, '-', controllers[i]); // EBUSY: another run uses the controller by now
}
