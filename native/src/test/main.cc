// Runs the tests whose names contain the argument, or all tests. Tests that create machines ("vm: …") need /dev/kvm and
// are skipped with a reason if it can't be opened.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "test/check.h"

int main(int argc, char **argv) {
    int failed = 0;
    int ran = 0;
    int skipped = 0;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    const char *no_kvm = kvm < 0 ? std::strerror(errno) : nullptr;
    if (kvm >= 0)
        close(kvm);
    for (const auto &test : ktstr::test::cases()) {
        if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr)
            continue;
        if (no_kvm != nullptr && std::strncmp(test.name, "vm: ", 4) == 0) {
            skipped++;
            std::printf("skip %s: /dev/kvm: %s\n", test.name, no_kvm);
            continue;
        }
        ran++;
        try {
            test.run();
            std::printf("ok   %s\n", test.name);
        } catch (const std::exception &error) {
            failed++;
            std::printf("FAIL %s\n     %s\n", test.name, error.what());
        }
        std::fflush(stdout);
    }
    std::printf("%d tests, %d failed, %d skipped\n", ran, failed, skipped);
    return failed == 0 && ran > 0 ? 0 : 1;
}
