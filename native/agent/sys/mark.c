#include "mark.h"

#include "base/textfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "user.ktstr"
enum { MARK_SIZE = 128 };

// Builds the mark of this process. Names of temporary files begin with the same text (core/src/host/ProcessMark.ts):
// ktstr-PID-START-NAMESPACE-BOOT-.
static bool own_mark(char *mark, size_t size) {
    char stat[1024], link[64], boot[64], *after;
    unsigned long long start, space;
    ssize_t length = readlink("/proc/self/ns/pid", link, sizeof link - 1);
    if (length < 0 || textfile_read("/proc/self/stat", stat, sizeof stat) ||
        textfile_read("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return false;
    link[length] = 0;
    // The start time is field 22, the 20th after the name.
    after = strrchr(stat, ')');
    for (int field = 0; after && field < 20; field++)
        after = strchr(after + 1, ' ');
    if (!after || sscanf(after, " %llu", &start) != 1 || sscanf(link, "pid:[%llu]", &space) != 1)
        return false;
    snprintf(mark, size, "ktstr-%d-%llu-%llu-%.8s-", (int)getpid(), start, space, boot);
    return true;
}

static bool read_mark(const char *directory, char *mark) {
    ssize_t length = lgetxattr(directory, ATTRIBUTE, mark, MARK_SIZE - 1);
    mark[length < 0 ? 0 : length] = 0;
    // The list consists of lines: a foreign attribute must not be able to add any.
    return length > 0 && !strpbrk(mark, "\n\t") && strlen(mark) == (size_t)length;
}

int mark_set(const char *directory) {
    char mark[MARK_SIZE];
    if (!own_mark(mark, sizeof mark))
        return EIO;
    return lsetxattr(directory, ATTRIBUTE, mark, strlen(mark), XATTR_CREATE) < 0 ? errno : 0;
}

bool mark_of_predecessor(const char *directory) {
    char own[MARK_SIZE], other[MARK_SIZE];
    int pid, other_pid, at = 0, other_at = 0;
    unsigned long long start;
    if (!own_mark(own, sizeof own) || !read_mark(directory, other) ||
        sscanf(own, "ktstr-%d-%llu%n", &pid, &start, &at) != 2 ||
        sscanf(other, "ktstr-%d-%llu%n", &other_pid, &start, &other_at) != 2)
        return false;
    return pid == other_pid && strcmp(own + at, other + other_at) == 0;
}

int mark_list(const char *directory) {
    DIR *entries = opendir(directory);
    if (!entries)
        return errno;
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[4096], mark[MARK_SIZE];
        struct stat info;
        int length = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] == '.' || length >= (int)sizeof path || strpbrk(entry->d_name, "\n\t"))
            continue;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && read_mark(path, mark))
            printf("%s\t%s\n", entry->d_name, mark);
    }
    closedir(entries);
    return 0;
}
