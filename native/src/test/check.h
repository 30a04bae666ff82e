#ifndef KTSTR_TEST_CHECK_H
#define KTSTR_TEST_CHECK_H

#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ktstr::test {

struct Case {
    const char *name;
    std::function<void()> run;
};

/** Returns all tests of the program, in the order of their files. */
inline std::vector<Case> &cases() {
    static std::vector<Case> all;
    return all;
}

struct Register {
    Register(const char *name, std::function<void()> run) { cases().push_back({name, std::move(run)}); }
};

[[noreturn]] inline void fail(const char *file, int line, const std::string &what) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

} // namespace ktstr::test

#define KTSTR_JOIN_(a, b) a##b
#define KTSTR_JOIN(a, b) KTSTR_JOIN_(a, b)
/** Defines a test: TEST("what it shows") { … } */
#define TEST(name)                                                                                                     \
    static void KTSTR_JOIN(test_, __LINE__)();                                                                         \
    static ktstr::test::Register KTSTR_JOIN(register_, __LINE__)(name, KTSTR_JOIN(test_, __LINE__));                   \
    static void KTSTR_JOIN(test_, __LINE__)()
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            ktstr::test::fail(__FILE__, __LINE__, #condition);                                                         \
    } while (0)
#define CHECK_THROWS(type, expression)                                                                                 \
    do {                                                                                                               \
        bool thrown_ = false;                                                                                          \
        try {                                                                                                          \
            expression;                                                                                                \
        } catch (const type &) {                                                                                       \
            thrown_ = true;                                                                                            \
        }                                                                                                              \
        if (!thrown_)                                                                                                  \
            ktstr::test::fail(__FILE__, __LINE__, #expression " did not throw " #type);                                \
    } while (0)

#endif
