/**
 * Every command with its options, as plain data: the help text is rendered from it without loading anything else, and the
 * parser is built from it, so the two cannot disagree.
 *
 * @since 0.1.0
 */

/**
 * One option of a command.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionSpec {
  /** What stands for the value in the help; absent: a switch without a value. */
  readonly value?: string
  readonly about: string
  /** One letter. */
  readonly alias?: string
  /** The variable that is read when the option is not given. */
  readonly env?: string
  /** May be given more than once. */
  readonly repeated?: true
}

/**
 * One command.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommandSpec {
  readonly summary: string
  /** Positional arguments as the usage line shows them; absent: none are taken. */
  readonly args?: string
  /** How many positional arguments at most. Default: 0 without `args`, else any number. */
  readonly maxArgs?: number
  /** The first positional argument and all that follows are a command for the guest, options of its own included. */
  readonly takesCommand?: true
  /** Everything after `--` is handed on. */
  readonly passThrough?: true
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly details?: ReadonlyArray<string>
  readonly examples: ReadonlyArray<string>
}

const json = { about: "print JSON on stdout" } as const satisfies OptionSpec
/** The resolver reads KTSTR_TEST_KERNEL and KTSTR_KERNEL by itself, after this option and in its own order. */
const kernel = {
  value: "KERNEL",
  about: "image, tree, version, git+URL, key [KTSTR_KERNEL]"
} as const satisfies OptionSpec
const kernels = {
  value: "KERNEL",
  about: "image, tree, A..B, git+URL, key [KTSTR_KERNEL]",
  repeated: true
} as const satisfies OptionSpec
const yes = { about: "fetch a kernel without asking when there is none", alias: "y" } as const satisfies OptionSpec
const vmm = {
  value: "BACKEND",
  about: "auto, native, qemu, qemu-kvm, qemu-tcg",
  env: "KTSTR_VMM"
} as const satisfies OptionSpec
const format = { value: "FORMAT", about: "pretty (default), json, ndjson" } as const

/** What `exec` and `shell` share. */
const guest = {
  topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
  preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
  kernel,
  yes,
  vmm,
  memory: { value: "MIB", about: "guest memory" },
  "scratch-disk": { value: "MIB", about: "an empty virtio disk, gone with the guest" },
  "include-files": { value: "FILE", about: "file, directory or program for the guest", alias: "i", repeated: true },
  kargs: { value: "WORDS", about: "for the kernel command line", repeated: true },
  "boot-timeout": { value: "SECONDS", about: "longest until the guest answers" },
  dmesg: { about: "show the kernel's console on stderr" }
} as const satisfies Readonly<Record<string, OptionSpec>>

/**
 * The commands by the words one types.
 *
 * @since 0.1.0
 * @category constants
 */
export const commands = {
  run: {
    summary: "Run scenarios in a virtual machine, or on this one",
    args: "[SCENARIO…]",
    options: {
      topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
      preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
      kernel: kernels,
      yes,
      host: { about: "run on this machine itself, under its scheduler" },
      scheduler: { value: "NAME", about: "scheduler under test: a name, or a path with a /", alias: "s" },
      "sched-args": { value: "WORDS", about: "arguments for it", repeated: true },
      "scheduler-hash": { value: "HEX", about: "warn if the scheduler's SHA-256 is another" },
      flags: { value: "A,B", about: "its flags to switch on" },
      "all-profiles": { about: "once for each combination of its flags" },
      watchdog: { value: "SECONDS", about: "a worker stuck so long ends it (default 2; 0: off)" },
      filter: { value: "PATTERN", about: "scenarios by name, with * and ?: 'cpuset/*'" },
      duration: { value: "SECONDS", about: "length of the scenario (default: 5)", alias: "d" },
      workers: { value: "N", about: "workers per cgroup (default: 2)", alias: "w" },
      "work-type": { value: "NAME", about: "what the workers do, see: ktstr list work-types" },
      format: { ...format, alias: "f" },
      verbose: { about: "show failures whole (also KTSTR_VERBOSE=1)" },
      vmm,
      memory: { value: "MIB", about: "guest memory" },
      seed: { value: "N", about: "seed of every random choice" },
      clock: { value: "CLOCK", about: "auto, or deterministic: a seed is a run" },
      "boot-timeout": { value: "SECONDS", about: "longest until the guest answers" },
      kargs: { value: "WORDS", about: "for the kernel command line", repeated: true },
      "max-gap-ms": { value: "MS", about: "longest a runnable worker may wait" },
      "max-spread-pct": { value: "PCT", about: "largest difference of off-CPU time (100: off)" },
      isolation: { about: "fail a worker that ran outside its cpuset" },
      relaxed: { about: "relaxed thresholds" }
    },
    details: [
      "SCENARIO defaults to steady. Several kernels: everything on each.",
      "Exit code: 0 pass, 1 fail, 2 inconclusive, 64 usage, 69 missing, 70 internal."
    ],
    examples: [
      "ktstr run steady --topology 1n2l2c1t --duration 5",
      "ktstr run 'cpuset/*' --scheduler ./scx_mine --sched-args '--slice 5000'"
    ]
  },
  list: {
    summary: "List scenarios, work types, output formats, presets, schedulers, checks",
    args: "[KIND]",
    maxArgs: 1,
    options: { json },
    details: ["KIND: scenarios, work-types, output-formats, presets, schedulers or checks.", "Default: all."],
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
      verbose: { about: "show failures whole (also KTSTR_VERBOSE=1)" },
      "scheduler-hash": { value: "HEX", about: "warn if the scheduler's SHA-256 is another" },
      clock: { value: "CLOCK", about: "auto, or deterministic: a seed is a run" },
      seed: { value: "N", about: "names the run of a deterministic clock" },
      demos: { about: "run tests named demo_* too" },
      "pass-with-no-tests": { about: "exit code 0 when nothing matches FILES or --filter" }
    },
    details: [
      "FILES: paths or parts of them; default: every *.ktstr.ts below this directory.",
      "With several kernels each test runs on each, as NAME/KERNEL-LABEL.",
      "Everything after -- goes to vitest."
    ],
    examples: ["ktstr test", "ktstr test scheduling.ktstr.ts -- --reporter=verbose"]
  },
  explore: {
    summary: "Run many seeds of a scenario or test, each another interleaving",
    args: "[SCENARIO|TEST]",
    maxArgs: 1,
    options: {
      seeds: { value: "A..B", about: "which (default: 1..50)" },
      jobs: { value: "N", about: "machines at a time (default: 1)", alias: "j" },
      "until-fail": { about: "stop at the first that fails" },
      "no-shrink": { about: "leave failures as large as they are" },
      "no-fork": { about: "boot a machine for each seed instead of forking one that has booted" },
      output: { value: "DIR", about: "for replay files (default: .ktstr/replays)" },
      topology: { value: "SHAPE", about: "NnNlNcNt[L+L…] or N,L,C,T (default: 1n2l2c1t)", alias: "t" },
      preset: { value: "NAME", about: "a topology by name, see: ktstr list presets" },
      kernel,
      scheduler: { value: "NAME", about: "scheduler under test: a name, or a path with a /", alias: "s" },
      "sched-args": { value: "WORDS", about: "arguments for it", repeated: true },
      flags: { value: "A,B", about: "its flags to switch on" },
      watchdog: { value: "SECONDS", about: "a worker stuck so long ends it (default 2; 0: off)" },
      duration: { value: "SECONDS", about: "length of the scenario (default: 5)", alias: "d" },
      workers: { value: "N", about: "workers per cgroup (default: 2)", alias: "w" },
      "work-type": { value: "NAME", about: "what the workers do, see: ktstr list work-types" },
      memory: { value: "MIB", about: "guest memory" },
      kargs: { value: "WORDS", about: "for the kernel command line", repeated: true },
      "max-gap-ms": { value: "MS", about: "longest a runnable worker may wait" },
      "max-spread-pct": { value: "PCT", about: "largest difference of off-CPU time (100: off)" },
      isolation: { about: "fail a worker that ran outside its cpuset" },
      relaxed: { about: "relaxed thresholds" },
      json
    },
    details: [
      "Deterministic machines: the same seed is the same run. SCENARIO defaults to",
      "steady. TEST is a test of a *.ktstr.ts file below this directory, NAME or",
      "'FILE > NAME'; all but its kernel is as it says in its file."
    ],
    examples: [
      "ktstr explore steady --seeds 1..500 --jobs 2 --scheduler ./scx_mine",
      "ktstr explore 'scheduling.ktstr.ts > pins' --until-fail"
    ]
  },
  replay: {
    summary: "Run a failed deterministic run again from its replay file, and compare",
    args: "FILE",
    maxArgs: 1,
    options: {
      times: { value: "N", about: "so many times (default: 1)" },
      trace: { value: "DIR", about: "once more, with console.log and trace.txt in DIR" },
      fork: { about: "boot once and fork every run from there" },
      kernel,
      json
    },
    details: ["Exit code: 0 the same run, to the nanosecond; 1 another, and what has changed."],
    examples: ["ktstr replay .ktstr/replays/steady-seed42.json"]
  },
  exec: {
    summary: "Run a command in a virtual machine",
    args: "COMMAND [ARGS…]",
    takesCommand: true,
    options: guest,
    details: [
      "COMMAND alone is a line for the guest's sh (busybox); with ARGS it is a program.",
      "-i brings a program's libraries, too. What lies in /tmp goes to /include-files;",
      "-i FILE:/path puts one elsewhere.",
      "Exit code: the command's own, 128 + N when signal N killed it, 1 when the",
      "guest died, 64 usage, 69 missing, 70 internal. Ctrl-] q kills the guest."
    ],
    examples: ["ktstr exec --topology 2n4l2c1t -i hwloc-ls 'hwloc-ls --no-io'", "ktstr exec uname -r"]
  },
  shell: {
    summary: "Open a shell in a virtual machine on this terminal",
    options: guest,
    details: [
      "The shell is busybox; leave it with exit. Ctrl-C goes to the guest;",
      "Ctrl-] q kills the guest, Ctrl-] Ctrl-] sends one Ctrl-]."
    ],
    examples: ["ktstr shell --topology 1n2l2c2t -i strace"]
  },
  "kernel fetch": {
    summary: "Download a prebuilt kernel into the cache",
    args: "[SPEC]",
    maxArgs: 1,
    options: { refresh: { about: "look for a newer one even when the cache has one" }, json },
    details: [
      "SPEC is distro:[SUITE/]PACKAGE-PATTERN. A version, git+URL#REF and path:PATH",
      "are built.",
      "Default: the newest kernel with sched_ext that the archive offers."
    ],
    examples: ["ktstr kernel fetch", "ktstr kernel fetch 'distro:bookworm/linux-image-*-amd64'"]
  },
  "kernel build": {
    summary: "Build a kernel from source into the cache",
    args: "[VERSION|git+URL#REF|PATH]",
    maxArgs: 1,
    options: {
      source: { value: "PATH", about: "a source tarball, or a kernel tree" },
      git: { value: "URL", about: "a git repository, of which one commit is fetched" },
      ref: { value: "REF", about: "its branch, tag or whole commit (default: HEAD)" },
      base: { value: "BASE", about: "tinyconfig (default), or defconfig" },
      jobs: { value: "N", about: "compilers at a time (default: one for each CPU)", alias: "j" },
      cpus: { value: "LIST", about: "build on these CPUs only, e.g. 0-3,8" },
      refresh: { about: "build even when the cache has the same" },
      json
    },
    details: [
      "VERSION is one of kernel.org: 6.14.2, 6.14 (its last patch), 6.15-rc3.",
      "With nothing named: the newest stable with patch 8 or more.",
      "ktstr's own options go on top of the base: sched_ext, BTF, probes, cgroups.",
      "A tree is left as it is. One not under git, or changed, is built but not cached."
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
      verify: { about: "compare everything in the entries to its SHA-256" },
      json
    },
    details: [
      "(EOL) marks series that kernel.org has ended, by its list of at most a day ago;",
      "without network there is no such mark. (corrupt: …) entries can't be used: sizes",
      "are looked at, and the SHA-256 of what was touched since it was stored."
    ],
    examples: ["ktstr kernel list", "ktstr kernel list --range 6.12..6.16 --json"]
  },
  "kernel clean": {
    summary: "Remove kernels from the cache",
    options: {
      keep: { value: "N", about: "keep the N newest valid ones" },
      "corrupt-only": { about: "remove corrupt entries, and no others" },
      force: { about: "don't ask; needed where there is no terminal" },
      json
    },
    details: [
      "A corrupt entry is removed in any case: it never counts as one to keep.",
      "With them goes what dead processes left and, without --keep, half downloads and",
      "the objects of built trees; with it those that nobody built in for a week."
    ],
    examples: ["ktstr kernel clean --keep 2", "ktstr kernel clean --corrupt-only --force"]
  },
  topo: {
    summary: "Show the topology of this machine",
    options: { json },
    examples: ["ktstr topo"]
  },
  locks: {
    summary: "Show who holds a lock of ktstr, and who waits for one",
    options: { watch: { value: "INTERVAL", about: "look again and again: 1s, 500ms", alias: "w" }, json },
    details: [
      "Locks are flocks in kernel caches and on kernel source trees. Those of processes",
      "of other users are seen by root only. --watch ends with Ctrl-C; with --json",
      "each look is one line."
    ],
    examples: ["ktstr locks", "ktstr locks --watch 1s"]
  },
  cleanup: {
    summary: "Remove what runs that were killed left behind",
    options: { "dry-run": { about: "only say what would be removed" }, json },
    details: ["Nothing of a living process is touched.", "Exit code: 0, or 1 when something could not be removed."],
    examples: ["ktstr cleanup", "ktstr cleanup --dry-run --json"]
  },
  doctor: {
    summary: "Check what ktstr needs, and say how to mend what is missing",
    options: { json },
    examples: ["ktstr doctor"]
  },
  demo: {
    summary: "A first run: fetch a kernel when there is none, then run steady",
    options: { vmm },
    examples: ["ktstr demo"]
  }
} as const satisfies Readonly<Record<string, CommandSpec>>

/**
 * @since 0.1.0
 * @category models
 */
export type CommandName = keyof typeof commands

/**
 * The options of a command as parsed: text, switch or list.
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
