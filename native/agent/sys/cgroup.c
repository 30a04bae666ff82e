#include "cgroup.h"

#include "base/clock.h"
#include "base/textfile.h"
#include "wire/event.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void nap_ms(uint64_t ms) {
    struct timespec nap = timespec_of(ms * 1000000);
    nanosleep(&nap, NULL);
}

// Builds the absolute path. Rejects paths that would leave the root.
static bool full_path(const struct cgroup_tree *tree, const char *path, const char *file, char full[PATH_MAX],
                      struct failure *failure) {
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t length = strcspn(part, "/");
        if (*path && (length == 0 || (length <= 2 && strncmp(part, "..", length) == 0)))
            return fail_errno(failure, EINVAL, "cgroup path %s", path);
    }
    if (strchr(file, '/'))
        return fail_errno(failure, EINVAL, "cgroup file %s", file);
    int length = snprintf(full, PATH_MAX, "%s%s%s%s%s", tree->root, *path ? "/" : "", path, *file ? "/" : "", file);
    return length < PATH_MAX || fail_errno(failure, ENAMETOOLONG, "cgroup path %.80s…", path);
}

// Returns the cgroup that holds the tasks of `path`.
static const char *tasks_of(const struct cgroup_tree *tree, const char *path) { return *path ? path : tree->leaf; }

static bool enable(const struct cgroup_tree *tree, const char *path, const struct str_list *controllers,
                   struct failure *failure) {
    char full[PATH_MAX], text[64];
    if (!full_path(tree, path, "cgroup.subtree_control", full, failure))
        return false;
    for (uint32_t i = 0; i < controllers->count; i++) {
        // Only one name is allowed: a list could disable controllers that others need.
        size_t length = strcspn(controllers->items[i], " \t\n");
        if (length == 0 || controllers->items[i][length] || length + 2 > sizeof text)
            return fail_errno(failure, EINVAL, "controller \"%s\"", controllers->items[i]);
        snprintf(text, sizeof text, "+%s", controllers->items[i]);
        int error = textfile_write(full, text);
        if (error)
            return fail_errno(failure, error, "%s: %s", full, text);
    }
    return true;
}

bool cgroup_create(const struct cgroup_tree *tree, const char *path, const struct str_list *controllers,
                   struct failure *failure) {
    char full[PATH_MAX], part[PATH_MAX];
    if (!full_path(tree, path, "", full, failure) || !enable(tree, "", controllers, failure))
        return false;
    for (const char *slash = path; slash;) {
        slash = strchr(slash, '/');
        snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - path) : (int)strlen(path), path);
        if (!full_path(tree, part, "", full, failure))
            return false;
        if (mkdir(full, 0755) < 0 && errno != EEXIST)
            return fail_errno(failure, errno, "%s", full);
        if (slash) {
            if (!enable(tree, part, controllers, failure))
                return false;
            slash++;
        }
    }
    return true;
}

// Sets the CPUs to all those of the parent cgroup, which has the same effect as clearing them. Linux 6.12 does not
// allow clearing the CPUs of a cgroup that holds tasks (ENOSPC); later kernels do.
static int clear_cpus(const struct cgroup_tree *tree, const char *path, const char *full) {
    char above[PATH_MAX], file[PATH_MAX + 32], text[4096];
    snprintf(above, sizeof above, "%s/%s", tree->root, path);
    *strrchr(above, '/') = 0;
    snprintf(file, sizeof file, "%s/cpuset.cpus.effective", above);
    int error = textfile_read(file, text, sizeof text);
    return error ? error : textfile_write(full, text);
}

bool cgroup_write(const struct cgroup_tree *tree, const char *path, const char *file, const char *value,
                  struct failure *failure) {
    char full[PATH_MAX];
    if (!full_path(tree, path, file, full, failure))
        return false;
    // Processes in a run's cgroups are killed at its end, so neither the agent nor any process of the host may be moved
    // there.
    if (tree->link->host && (strcmp(file, "cgroup.procs") == 0 || strcmp(file, "cgroup.threads") == 0))
        return fail_errno(failure, EPERM, "%s: \"%s\": on a host only workers and processes of the run can be moved",
                          full, value);
    int error = textfile_write(full, value);
    if (error == ENOSPC && *path && strcmp(file, "cpuset.cpus") == 0 && strcmp(value, "\n") == 0)
        error = clear_cpus(tree, path, full);
    return error == 0 || fail_errno(failure, error, "%s: \"%s\"", full, value);
}

char *cgroup_read(const struct cgroup_tree *tree, const char *path, const char *file, struct failure *failure) {
    char full[PATH_MAX];
    if (!full_path(tree, path, file, full, failure))
        return NULL;
    char *text = textfile_whole(full, NULL);
    size_t limit = channel_payload_limit(&tree->link->channel) - PATH_MAX;
    if (!text)
        fail_errno(failure, errno, "%s", full);
    else if (strlen(text) > limit) {
        fail_errno(failure, EFBIG, "%s: more than %zu bytes", full, limit);
        free(text);
        text = NULL;
    }
    return text;
}

static int write_pid(const char *file, pid_t pid) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    int error = textfile_write(file, text);
    // sched_ext may briefly refuse a move (kernel/sched/ext.c, scx_cgroup_can_attach).
    for (int tries = 0; error == EBUSY && tries < 3; tries++) {
        nap_ms(100);
        error = textfile_write(file, text);
    }
    return error;
}

bool cgroup_move(const struct cgroup_tree *tree, const char *path, pid_t pid, struct failure *failure) {
    char full[PATH_MAX];
    if (!full_path(tree, tasks_of(tree, path), "cgroup.procs", full, failure))
        return false;
    int error = write_pid(full, pid);
    if (error == ESRCH) {
        event_log(&tree->link->channel, LOG_LEVEL_WARNING, "process %d was gone before it could be moved to %s",
                  (int)pid, full);
        return true;
    }
    return error == 0 || fail_errno(failure, error, "%s", full);
}

// Returns the cgroup's list of processes, which the caller frees, or NULL with errno set.
static char *processes(const char *directory) {
    char file[PATH_MAX + 16];
    snprintf(file, sizeof file, "%s/cgroup.procs", directory);
    return textfile_whole(file, NULL);
}

// Moves every listed process once and counts them.
static bool move_listed(const struct cgroup_tree *tree, const char *list, const char *to, bool from_root,
                        uint32_t *moved, struct failure *failure) {
    char *end;
    for (const char *at = list; *at; at = *end ? end + 1 : end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        if (pid <= 1)
            continue; // 1: the agent, which is not moved; 0: a process of another namespace
        if (!cgroup_move(tree, to, (pid_t)pid, failure)) {
            if (from_root && failure->error == EINVAL)
                continue; // a kernel thread
            return false;
        }
        ++*moved;
    }
    return true;
}

static bool drain(const struct cgroup_tree *tree, const char *directory, const char *to, bool from_root,
                  struct failure *failure) {
    // Further passes find children forked meanwhile. A process that dies slowly is moved more than once.
    for (int pass = 0; pass < 20; pass++) {
        char *list = processes(directory);
        if (!list)
            return fail_errno(failure, errno, "%s/cgroup.procs", directory);
        uint32_t moved = 0;
        bool good = move_listed(tree, list, to, from_root, &moved, failure);
        free(list);
        if (!good || moved == 0 || from_root)
            return good;
    }
    return fail_errno(failure, EBUSY, "%s: processes keep appearing", directory);
}

bool cgroup_move_all(const struct cgroup_tree *tree, const char *from, const char *to, struct failure *failure) {
    char full[PATH_MAX], target[PATH_MAX];
    return full_path(tree, tasks_of(tree, from), "", full, failure) &&
           full_path(tree, tasks_of(tree, to), "cgroup.procs", target, failure) &&
           // The target must exist even if there is nothing to move.
           (access(target, F_OK) == 0 || fail_errno(failure, errno, "%s", target)) &&
           drain(tree, full, to, *from == 0 && !tree->link->host, failure);
}

static bool remove_tree(const struct cgroup_tree *tree, const char *directory, int depth, struct failure *failure) {
    DIR *stream = opendir(directory);
    if (!stream || depth > 64) {
        if (stream)
            closedir(stream);
        return fail_errno(failure, stream ? ELOOP : errno, "%s", directory);
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(stream));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        char child[PATH_MAX];
        good = snprintf(child, sizeof child, "%s/%s", directory, entry->d_name) < (int)sizeof child
                   ? remove_tree(tree, child, depth + 1, failure)
                   : fail_errno(failure, ENAMETOOLONG, "%s", directory);
    }
    closedir(stream);
    if (!good || !drain(tree, directory, "", false, failure))
        return false;
    // A process that has just exited keeps its cgroup busy until its last reference is gone.
    for (int tries = 0; rmdir(directory) < 0; tries++) {
        if (errno != EBUSY || tries == 50)
            return fail_errno(failure, errno, "%s", directory);
        nap_ms(20);
    }
    return true;
}

bool cgroup_remove(const struct cgroup_tree *tree, const char *path, struct failure *failure) {
    char full[PATH_MAX];
    if (*path == 0)
        return fail_errno(failure, EINVAL, "the root cgroup can't be removed");
    return full_path(tree, path, "", full, failure) && remove_tree(tree, full, 0, failure);
}

bool cgroup_remove_root(const struct cgroup_tree *tree, struct failure *failure) {
    return remove_tree(tree, tree->root, 0, failure);
}
