// Runs the tests whose names hold the argument, or all.
#include <cstring>

#include "test/check.h"

int main(int argc, char **argv) {
    int failed = 0;
    int ran = 0;
    for (const auto &test : ktstr::test::cases()) {
        if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr)
            continue;
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
    std::printf("%d tests, %d failed\n", ran, failed);
    return failed == 0 && ran > 0 ? 0 : 1;
}
