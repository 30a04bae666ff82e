#include "exhausted.h"

#include "console.h"

#include <sys/types.h>
#include <unistd.h>

static void (*reporting)(size_t bytes);
static pid_t reporter;

void exhausted_report_by(void (*report)(size_t bytes)) {
    reporting = report;
    reporter = getpid();
}

_Noreturn void exhausted(size_t bytes) {
    void (*report)(size_t bytes) = reporter == getpid() ? reporting : NULL;
    reporting = NULL; // a report that needs more memory ends here
    console_print("ktstr-agent: out of memory for %zu bytes\n", bytes);
    if (report)
        report(bytes);
    _exit(1);
}
