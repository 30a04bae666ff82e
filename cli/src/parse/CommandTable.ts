/**
 * Describes every command and its options as plain data. The parser and the help text both read it, so they can't disagree, and help loads
 * nothing else.
 *
 * @since 0.1.0
 */

/**
 * Describes one option of a command.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionSpec {
  /** Names the value in the help text. Absent: the option is a switch. */
  readonly value?: string
  readonly about: string
  /** A one-letter short form. */
  readonly alias?: string
  /** Names the environment variable to read if the option is not given. */
  readonly env?: string
  /** The option may be given more than once. */
  readonly repeated?: true
}

/**
 * Describes one command.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommandSpec {
  readonly summary: string
  /** Shows the positional arguments in the usage line. Absent: the command takes none. */
  readonly args?: string
  /** Limits the number of positional arguments. Default: 0 without `args`, otherwise no limit. */
  readonly maxArgs?: number
  /** The first positional argument and everything after it, options included, form a command for the guest. */
  readonly takesCommand?: true
  /** Everything after `--` is passed on to another program. */
  readonly passThrough?: true
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly details?: ReadonlyArray<string>
  readonly examples: ReadonlyArray<string>
}

const json = { about: "print JSON on stdout" } as const satisfies OptionSpec
/** Has no `env`: after this option, the resolver itself reads KTSTR_TEST_KERNEL and KTSTR_KERNEL, in its own order. */
const kernel = {
  value: "KERNEL",
  about: "image, tree, version, git+URL, key [KTSTR_KERNEL]"
} as const satisfies OptionSpec
const kernels = {
  value: "KERNEL",
  about: "image, tree, A..B, git+URL, key [KTSTR_KERNEL]",
  repeated: true
} as const satisfies OptionSpec
const yes = { about: "fetch a kernel without asking if there is none", alias: "y" } as const satisfies OptionSpec
const vmm = {
  value: "BACKEND",
  about: "auto, native, qemu, qemu-kvm, qemu-tcg",
  env: "KTSTR_VMM"
} as const satisfies OptionSpec
const format = { value: "FORMAT", about: "pretty (default), json, ndjson" } as const

/** Holds the options that `exec` and `shell` share. */
const guest = {
  topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
  preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
  kernel,
  yes,
  vmm,
  memory: { value: "MIB", about: "guest memory" },
  "scratch-disk": { value: "MIB", about: "add an empty virtio disk, removed with the guest" },
  "include-files": { value: "FILE", about: "file, directory or program for the guest", alias: "i", repeated: true },
  kargs: { value: "WORDS", about: "extra kernel command-line arguments", repeated: true },
  "boot-timeout": { value: "SECONDS", about: "longest time to wait for the boot" },
  dmesg: { about: "show the kernel's console on stderr" }
} as const satisfies Readonly<Record<string, OptionSpec>>

/**
 * Maps the words that a user types to their command.
 *
 * @since 0.1.0
 * @category constants
 */
export const commands = {
  run: {
    summary: "Run scenarios in a virtual machine or on this host",
    args: "[SCENARIO…]",
    options: {
      topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
      preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
      kernel: kernels,
      yes,
      host: { about: "run on this host under its active scheduler" },
      scheduler: { value: "NAME", about: "scheduler under test: a name, or a path with a /", alias: "s" },
      "sched-args": { value: "WORDS", about: "arguments for the scheduler", repeated: true },
      "scheduler-hash": { value: "HEX", about: "warn if the scheduler has a different SHA-256" },
      flags: { value: "A,B", about: "scheduler flags to enable" },
      "all-profiles": { about: "run once per combination of its flags" },
      watchdog: { value: "SECONDS", about: "stop it on a stuck worker (default: 2, 0 = never)" },
      filter: { value: "PATTERN", about: "scenarios by name, with * and ?: 'cpuset/*'" },
      duration: { value: "SECONDS", about: "length of the scenario (default: 5)", alias: "d" },
      workers: { value: "N", about: "workers per cgroup (default: 2)", alias: "w" },
      "work-type": { value: "NAME", about: "work of the workers, see: ktstr list work-types" },
      format: { ...format, alias: "f" },
      verbose: { about: "show failures in full (also KTSTR_VERBOSE=1)" },
      vmm,
      memory: { value: "MIB", about: "guest memory" },
      seed: { value: "N", about: "seed of every random choice" },
      clock: { value: "CLOCK", about: "auto or deterministic (same seed, same run)" },
      "boot-timeout": { value: "SECONDS", about: "longest time to wait for the boot" },
      kargs: { value: "WORDS", about: "extra kernel command-line arguments", repeated: true },
      "max-gap-ms": { value: "MS", about: "longest a runnable worker may wait" },
      "max-spread-pct": { value: "PCT", about: "largest difference of off-CPU time (100: off)" },
      isolation: { about: "fail a worker that ran outside its cpuset" },
      relaxed: { about: "relaxed thresholds" }
    },
    details: [
      "SCENARIO defaults to steady. With several kernels, every scenario runs on each.",
      "Exit: 0 pass, 1 fail, 2 inconclusive, 64 usage, 69 prerequisite missing, 70 bug"
    ],
    examples: [
      "ktstr run steady --topology 1n2l2c1t --duration 5",
      "ktstr run 'cpuset/*' --scheduler ./scx_mine --sched-args '--slice 5000'"
    ]
  },
  list: {
    summary: "List scenarios, work types, schedulers, kernel sources, backends and others",
    args: "[KIND]",
    maxArgs: 1,
    options: { json },
    details: [
      "KIND: scenarios, work-types, output-formats, reporters, presets, schedulers,",
      "checks, kernel-sources, remote-caches or backends. Default: all."
    ],
    examples: ["ktstr list", "ktstr list work-types --json"]
  },
  test: {
    summary: "Run the tests in *.ktstr.ts files",
    args: "[FILES…]",
    passThrough: true,
    options: {
      kernel: kernels,
      yes,
      vmm,
      filter: { value: "PATTERN", about: "only tests whose name matches" },
      format,
      verbose: { about: "show failures in full (also KTSTR_VERBOSE=1)" },
      "scheduler-hash": { value: "HEX", about: "warn if the scheduler has a different SHA-256" },
      clock: { value: "CLOCK", about: "auto or deterministic (same seed, same run)" },
      seed: { value: "N", about: "seed for --clock deterministic" },
      demos: { about: "also run tests named demo_*" },
      "pass-with-no-tests": { about: "exit with 0 if nothing matches FILES or --filter" }
    },
    details: [
      "FILES are paths or parts of them; default: all *.ktstr.ts below this directory.",
      "With several kernels each test runs on each, as NAME/KERNEL-LABEL.",
      "Everything after -- goes to vitest."
    ],
    examples: ["ktstr test", "ktstr test scheduling.ktstr.ts -- --reporter=verbose"]
  },
  explore: {
    summary: "Run a scenario or test under many seeds to find rare interleavings",
    args: "[SCENARIO|TEST]",
    maxArgs: 1,
    options: {
      seeds: { value: "A..B", about: "range of seeds (default: 1..50)" },
      jobs: { value: "N", about: "run N machines in parallel (default: 1)", alias: "j" },
      "until-fail": { about: "stop at the first failing seed" },
      "no-shrink": { about: "don't shrink failures" },
      "no-fork": { about: "boot a machine per seed instead of forking one" },
      output: { value: "DIR", about: "where replay files go (default: .ktstr/replays)" },
      topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
      preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
      kernel,
      scheduler: { value: "NAME", about: "scheduler under test: a name, or a path with a /", alias: "s" },
      "sched-args": { value: "WORDS", about: "arguments for the scheduler", repeated: true },
      flags: { value: "A,B", about: "scheduler flags to enable" },
      watchdog: { value: "SECONDS", about: "stop it on a stuck worker (default: 2, 0 = never)" },
      duration: { value: "SECONDS", about: "length of the scenario (default: 5)", alias: "d" },
      workers: { value: "N", about: "workers per cgroup (default: 2)", alias: "w" },
      "work-type": { value: "NAME", about: "work of the workers, see: ktstr list work-types" },
      memory: { value: "MIB", about: "guest memory" },
      kargs: { value: "WORDS", about: "extra kernel command-line arguments", repeated: true },
      "max-gap-ms": { value: "MS", about: "longest a runnable worker may wait" },
      "max-spread-pct": { value: "PCT", about: "largest difference of off-CPU time (100: off)" },
      isolation: { about: "fail a worker that ran outside its cpuset" },
      relaxed: { about: "relaxed thresholds" },
      json
    },
    details: [
      "Machines are deterministic: the same seed gives the same run. SCENARIO defaults",
      "to steady. TEST is a test in a *.ktstr.ts file below this directory, as NAME or",
      "'FILE > NAME'; its file sets everything except the kernel."
    ],
    examples: [
      "ktstr explore steady --seeds 1..500 --jobs 2 --scheduler ./scx_mine",
      "ktstr explore 'scheduling.ktstr.ts > pins' --until-fail"
    ]
  },
  replay: {
    summary: "Re-run a replay file and compare the results",
    args: "FILE",
    maxArgs: 1,
    options: {
      times: { value: "N", about: "number of runs (default: 1)" },
      trace: { value: "DIR", about: "add a traced run; writes its logs to DIR" },
      fork: { about: "boot once and fork every run from there" },
      kernel,
      json
    },
    details: [
      "--trace writes console.log and trace.txt.",
      "Exit code: 0 reproduced exactly, 1 different (prints what changed)."
    ],
    examples: ["ktstr replay .ktstr/replays/steady-seed42.json"]
  },
  exec: {
    summary: "Run a command in a virtual machine",
    args: "COMMAND [ARGS…]",
    takesCommand: true,
    options: guest,
    details: [
      "COMMAND alone is a line for the guest's sh (busybox); with ARGS it is a program.",
      "-i also brings a program's libraries. Files in /tmp go to /include-files;",
      "-i FILE:/path chooses another place.",
      "Exit code: the command's own, 128 + N if signal N killed it, 1 if the guest",
      "died, 64 usage error, 69 missing prerequisite, 70 internal error.",
      "Ctrl-] q kills the guest."
    ],
    examples: ["ktstr exec --topology 2n4l2c1t -i hwloc-ls 'hwloc-ls --no-io'", "ktstr exec uname -r"]
  },
  shell: {
    summary: "Open a shell in a virtual machine on this terminal",
    options: guest,
    details: [
      "The shell is busybox; exit leaves it. Ctrl-C goes to the guest;",
      "Ctrl-] q kills the guest, Ctrl-] Ctrl-] sends one Ctrl-]."
    ],
    examples: ["ktstr shell --topology 1n2l2c2t -i strace"]
  },
  "kernel fetch": {
    summary: "Download a prebuilt kernel into the cache",
    args: "[SPEC]",
    maxArgs: 1,
    options: { refresh: { about: "look for a newer kernel even if one is cached" }, json },
    details: [
      "SPEC is distro:[SUITE/]PACKAGE-PATTERN. A version, git+URL#REF or path:PATH is",
      "built from source.",
      "Default: the newest kernel with sched_ext in the distribution's archive."
    ],
    examples: ["ktstr kernel fetch", "ktstr kernel fetch 'distro:bookworm/linux-image-*-amd64'"]
  },
  "kernel build": {
    summary: "Build a kernel from source into the cache",
    args: "[VERSION|git+URL#REF|PATH]",
    maxArgs: 1,
    options: {
      source: { value: "PATH", about: "a source tarball, or a kernel tree" },
      git: { value: "URL", about: "a git repository (only one commit is fetched)" },
      ref: { value: "REF", about: "branch, tag or full commit hash (default: HEAD)" },
      base: { value: "BASE", about: "tinyconfig (default) or defconfig" },
      jobs: { value: "N", about: "parallel compilers (default: one per CPU)", alias: "j" },
      cpus: { value: "LIST", about: "build on these CPUs only, e.g. 0-3,8" },
      refresh: { about: "build even if the same kernel is cached" },
      json
    },
    details: [
      "VERSION is a kernel.org version: 6.14.2, 6.14 (its last patch), 6.15-rc3.",
      "Default: the newest stable version with patch level 8 or higher.",
      "ktstr adds its own options to the base: sched_ext, BTF, probes, cgroups.",
      "Source trees are not modified. A tree with changes, or not in git, is built but",
      "not cached."
    ],
    examples: [
      "ktstr kernel build 6.14.10",
      "ktstr kernel build --source linux-source-6.12.tar.xz",
      "ktstr kernel build git+https://example.org/me/linux.git#next"
    ]
  },
  "kernel list": {
    summary: "List the kernels in the cache",
    options: {
      range: { value: "A..B", about: "only versions from A to B, such as 6.12..6.16" },
      verify: { about: "verify every file against its SHA-256" },
      json
    },
    details: [
      "(EOL) marks series that kernel.org no longer maintains; the list is refreshed",
      "daily, and offline there is no mark. (corrupt: …) marks unusable entries: all",
      "sizes are checked, and the SHA-256 of files modified since they were stored."
    ],
    examples: ["ktstr kernel list", "ktstr kernel list --range 6.12..6.16 --json"]
  },
  "kernel clean": {
    summary: "Remove kernels from the cache",
    options: {
      keep: { value: "N", about: "keep the N newest valid ones" },
      "corrupt-only": { about: "remove corrupt entries only" },
      force: { about: "don't ask; required without a terminal" },
      json
    },
    details: [
      "Corrupt entries are always removed and never count as kept.",
      "Also removes leftovers of dead processes; without --keep, partial downloads and",
      "all build objects; with --keep, build objects unused for a week."
    ],
    examples: ["ktstr kernel clean --keep 2", "ktstr kernel clean --corrupt-only --force"]
  },
  topo: {
    summary: "Show the topology of this machine",
    options: { json },
    examples: ["ktstr topo"]
  },
  locks: {
    summary: "Show which processes hold or wait for ktstr's locks",
    options: { watch: { value: "INTERVAL", about: "refresh every INTERVAL: 1s, 500ms", alias: "w" }, json },
    details: [
      "Locks are flocks in kernel caches and on kernel source trees. Only root sees the",
      "locks of other users' processes. Ctrl-C ends --watch; with --json it prints one",
      "line per refresh."
    ],
    examples: ["ktstr locks", "ktstr locks --watch 1s"]
  },
  cleanup: {
    summary: "Clean up after killed runs",
    options: { "dry-run": { about: "only show what would be removed" }, json },
    details: [
      "Nothing that belongs to a running process is touched.",
      "Exit code: 0, or 1 if something could not be removed."
    ],
    examples: ["ktstr cleanup", "ktstr cleanup --dry-run --json"]
  },
  doctor: {
    summary: "Check the prerequisites and show how to fix each",
    options: { json },
    examples: ["ktstr doctor"]
  },
  demo: {
    summary: "Fetch a kernel if there is none, then run the scenario steady",
    options: { vmm },
    examples: ["ktstr demo"]
  }
} as const satisfies Readonly<Record<string, CommandSpec>>

/**
 * Names a command by its words, such as `kernel fetch`.
 *
 * @since 0.1.0
 * @category models
 */
export type CommandName = keyof typeof commands

/**
 * Holds the parsed options of a command: text, switch or list.
 *
 * @since 0.1.0
 * @category models
 */
export type Values<C extends CommandName> = {
  readonly [K in keyof (typeof commands)[C]["options"]]: (typeof commands)[C]["options"][K] extends { repeated: true }
    ? ReadonlyArray<string>
    : (typeof commands)[C]["options"][K] extends { value: string }
      ? string | undefined
      : boolean
}
