// The Debian packages ktstr needs, each with what shows that it is there: a command in PATH, or one of several files.

/** To build the agent and the addon, unpack kernels, run scenarios, and work in a guest. */
export const forEveryone = [
  { package: "qemu-system-x86", command: "qemu-system-x86_64" },
  { package: "gcc", command: "gcc" },
  { package: "g++", command: "g++" },
  { package: "python3", command: "python3" },
  { package: "make", command: "make" },
  { package: "libc6-dev", anyOf: ["/usr/lib/x86_64-linux-gnu/libc.a", "/usr/lib64/libc.a", "/usr/lib/libc.a"] },
  { package: "busybox-static", anyOf: ["/bin/busybox", "/usr/bin/busybox"] },
  { package: "linux-libc-dev", anyOf: ["/usr/include/linux/futex.h"] },
  { package: "lz4", command: "lz4" },
  { package: "xz-utils", command: "xz" },
  { package: "zstd", command: "zstd" }
]

/** To run the tests: the judges and the guests' user space. */
export const forTests = [
  { package: "acpica-tools", command: "iasl" },
  { package: "clang-19", command: "clang-19" },
  { package: "clang-format", command: "clang-format" },
  { package: "cpio", command: "cpio" },
  { package: "fio", command: "fio" },
  { package: "git", command: "git" },
  { package: "gpg", command: "gpg" },
  { package: "gpg-agent", command: "gpg-agent" },
  { package: "gpgconf", command: "gpgconf" },
  { package: "gpgv", command: "gpgv" },
  { package: "hwloc-nox", command: "hwloc-ls" },
  {
    package: "libclang-rt-19-dev",
    anyOf: ["/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.fuzzer-x86_64.a"]
  },
  { package: "llvm-19", command: "llvm-cov-19" },
  { package: "shellcheck", command: "shellcheck" },
  { package: "strace", command: "strace" },
  { package: "stress-ng", command: "stress-ng" }
]

/** To build the fixture scheduler (native/bpf). */
export const forSchedulers = [
  { package: "clang-19", command: "clang-19" },
  { package: "dpkg", command: "dpkg-deb" },
  { package: "libelf-dev", anyOf: ["/usr/lib/x86_64-linux-gnu/libelf.a", "/usr/lib64/libelf.a", "/usr/lib/libelf.a"] },
  { package: "zlib1g-dev", anyOf: ["/usr/lib/x86_64-linux-gnu/libz.a", "/usr/lib64/libz.a", "/usr/lib/libz.a"] }
]

/** To build the example schedulers of the kernel's source (test/schedulers): a clang that knows arenas. */
export const forExamples = [
  { package: "clang-22", anyOf: [20, 21, 22, 23, 24].map((version) => `/usr/bin/clang-${version}`) },
  { package: "llvm-22", anyOf: [20, 21, 22, 23, 24].map((version) => `/usr/bin/llvm-strip-${version}`) }
]

/** To build kernels from source, beside what everyone and the tests need; the same list as in plugins/kernel-sources/src/build/Tools.ts. */
export const forKernelBuilds = [
  { package: "bc", command: "bc" },
  { package: "binutils", command: "objcopy" },
  { package: "bison", command: "bison" },
  { package: "flex", command: "flex" },
  { package: "pahole", command: "pahole" }
]

/** To run the benchmarks. */
export const forBench = [{ package: "hyperfine", command: "hyperfine" }]

/** To run commands in the KVM lab; where apt serves no kernel package, the lab says so. */
export const forLab = [
  { package: "busybox-static", anyOf: ["/bin/busybox", "/usr/bin/busybox"] },
  { package: "dpkg", command: "dpkg-deb" },
  { package: "tar", command: "tar" },
  { package: "util-linux", command: "setpriv" }
]
