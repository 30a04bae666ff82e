/**
 * Finds the program of a declared scheduler that a guest can run.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Config, Effect, Option, Stream } from "effect"
import { type Busybox, type BusyboxMissing, findBusybox, isElf } from "../image/index.ts"
import { cargoBuild } from "./cargo.ts"
import { SchedulerError, type SchedulerErrorReason } from "./Error.ts"
import { FlagProfile } from "./FlagProfile.ts"
import { Scheduler, type SchedulerBinary } from "./Scheduler.ts"

/**
 * A scheduler with its program and arguments, ready for a run.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedScheduler {
  readonly scheduler: Scheduler
  /** The requested name, if it may differ from the scheduler's own: the kernel's scheduler has several names. */
  readonly asked?: string | undefined
  readonly profile: FlagProfile
  /** Absolute path of its program on this host; undefined for the kernel's own and for built-in ones. */
  readonly program: string | undefined
  /** All its arguments. */
  readonly args: ReadonlyArray<string>
  /** The shell that enables and disables a built-in one. */
  readonly busybox: Busybox | undefined
}

/**
 * The kernel's own scheduler, which runs by default.
 *
 * @since 0.1.0
 * @category constants
 */
export const resolvedEevdf: ResolvedScheduler = {
  scheduler: Scheduler.eevdf,
  profile: FlagProfile.none,
  program: undefined,
  args: [],
  busybox: undefined
}

const fail = (reason: SchedulerErrorReason, message: string) => new SchedulerError({ reason, message })

/** Returns the guest's path of the scheduler's configuration file. */
const configPath = (file: string): string => `/include-files/${file.split("/").at(-1)}`

/**
 * Returns the arguments in order: `--config`, `--cell-parent-cgroup` (unless a later argument sets it), the scheduler's own, the test's, and those of
 * the flags.
 *
 * @since 0.1.0
 * @category conversions
 */
export const schedulerArgs = (
  scheduler: Scheduler,
  profile: FlagProfile,
  extra: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const given = [...scheduler.schedArgs, ...extra, ...FlagProfile.args(scheduler, profile)]
  const parent = "--cell-parent-cgroup"
  const knowsParent = given.some((word) => word === parent || word.startsWith(`${parent}=`))
  return [
    ...(scheduler.configFile === undefined ? [] : ["--config", configPath(scheduler.configFile)]),
    ...(scheduler.cgroupParent === undefined || knowsParent ? [] : [parent, `/${scheduler.cgroupParent}`]),
    ...given
  ]
}

/** Values of `e_machine` in the ELF header, for messages. */
const machines: Readonly<Record<number, string>> = {
  3: "x86",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv",
  247: "bpf"
}

const x86_64 = 62

/** Checks that a file can run in the guest, which would only report "Exec format error", and late. */
const checkProgram = Effect.fnUntraced(function* (name: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  const refuse = (what: string) => fail("Unusable", `scheduler '${name}': ${file} ${what}`)
  const info = yield* Effect.mapError(fs.stat(file), (cause) => refuse(`can't be read: ${cause.message}`))
  if (info.type !== "File") return yield* refuse(`is no file (${info.type})`)
  if ((info.mode & 0o111) === 0) return yield* refuse(`is not executable; run: chmod +x ${file}`)
  const head = yield* fs.stream(file, { bytesToRead: FileSystem.Size(20) }).pipe(
    Stream.runFold(new Uint8Array(), (all, chunk) => Uint8Array.of(...all, ...chunk)),
    Effect.mapError((cause) => refuse(`can't be read: ${cause.message}`))
  )
  if (head[0] === 0x23 && head[1] === 0x21) return
  if (!isElf(head)) return yield* refuse("is no program: it begins neither like an ELF file nor with #!")
  const machine = (head[18] ?? 0) | ((head[19] ?? 0) << 8)
  if (head[4] !== 2 || machine !== x86_64) {
    const architecture = machines[machine] ?? `machine ${machine}`
    return yield* refuse(`is built for ${architecture}${head[4] === 1 ? " (32 bits)" : ""}; the guest is x86_64`)
  }
})

const notFound = (name: string) =>
  fail(
    "NotFound",
    `scheduler '${name}' not found. Set KTSTR_SCHEDULER or place it next to the test binary or in target/{debug,release}/`
  )

const isFile = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* Effect.orElseSucceed(
      Effect.map(fs.stat(file), (info) => info.type === "File"),
      () => false
    )
  })

/** Returns the places where a program is looked for: next to the test, in the build directories above it, then in those of the working directory. */
const placesOf = (path: Path.Path, name: string, directory: string): ReadonlyArray<string> => {
  const above: Array<string> = []
  for (let at = directory; ; at = path.dirname(at)) {
    above.push(at)
    if (path.dirname(at) === at) break
  }
  const below = (at: string) => ["target/debug", "target/release", "build"].map((folder) => path.join(at, folder, name))
  return [...new Set([path.join(directory, name), ...above.flatMap(below), ...below(path.resolve("."))])]
}

const runBuild = Effect.fnUntraced(function* (name: string, build: ReadonlyArray<string>, directory: string) {
  if (build.length === 0) return yield* fail("Declared", `scheduler '${name}': its build command is empty`)
  const line = build.join(" ")
  // The build's standard output goes to standard error, because standard output is reserved for the result.
  const command = Command.make("sh", "-c", 'exec "$@" >&2', "sh", ...build).pipe(
    Command.workingDirectory(directory),
    Command.stderr("inherit")
  )
  const code = yield* Effect.mapError(Command.exitCode(command), (cause) =>
    fail("Build", `scheduler '${name}': can't run '${line}' in ${directory}: ${cause.message}`)
  )
  if (code !== 0) {
    return yield* fail("Build", `scheduler '${name}': '${line}' ended with ${code} in ${directory}; see above`)
  }
})

const discover = Effect.fnUntraced(function* (
  { build, name }: Extract<SchedulerBinary, { _tag: "Discover" }>,
  directory: string
) {
  const path = yield* Path.Path
  const named = Option.getOrUndefined(yield* Effect.orDie(Config.option(Config.nonEmptyString("KTSTR_SCHEDULER"))))
  if (named !== undefined) {
    if (yield* isFile(named)) return path.resolve(named)
    return yield* fail(
      "NotFound",
      `scheduler '${name}' not found: KTSTR_SCHEDULER is ${named}, and there is no such file`
    )
  }
  const places = placesOf(path, name, directory)
  const look = Effect.findFirst(places, isFile)
  const found = yield* look
  if (Option.isSome(found)) return found.value
  if (build !== undefined) {
    yield* runBuild(name, build, directory)
    const built = yield* look
    if (Option.isSome(built)) return built.value
    const line = build.join(" ")
    return yield* fail(
      "Build",
      `scheduler '${name}': '${line}' succeeded, but made none of ${places.slice(0, 4).join(", ")}`
    )
  }
  const built = yield* cargoBuild(name, directory)
  return built ?? (yield* notFound(name))
})

const programOf = Effect.fnUntraced(function* (scheduler: Scheduler, directory: string) {
  const path = yield* Path.Path
  const { binary, name } = scheduler
  switch (binary._tag) {
    case "Eevdf":
    case "KernelBuiltin":
      return undefined
    case "Path": {
      const file = path.resolve(directory, binary.path)
      if (!(yield* isFile(file))) {
        const fs = yield* FileSystem.FileSystem
        if (yield* Effect.orElseSucceed(fs.exists(file), () => false))
          return yield* fail("NotFound", `scheduler ${file} is a directory or a device: give the program in it`)
        return yield* fail("NotFound", `scheduler '${name}' not found: there is no file ${file}`)
      }
      yield* checkProgram(name, file)
      return file
    }
    case "Discover": {
      const file = yield* discover(binary, directory)
      yield* checkProgram(name, file)
      return file
    }
  }
})

/**
 * Finds the scheduler's program. `Discover` looks at `KTSTR_SCHEDULER`, then in `directory`, then in `target/debug`, `target/release` and `build` of
 * it and its ancestors, then in those of the working directory. If the program is not there, it runs the declared build command, or `cargo build -p`
 * if a manifest names the scheduler. The program must be executable and built for the guest's architecture.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveScheduler: (
  scheduler: Scheduler,
  options?: {
    readonly profile?: FlagProfile
    /** The test's own arguments. */
    readonly extraArgs?: ReadonlyArray<string> | undefined
    /** The test's directory. Default: the working directory. */
    readonly directory?: string | undefined
  }
) => Effect.Effect<
  ResolvedScheduler,
  SchedulerError | BusyboxMissing,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("SchedulerDiscovery.resolve")(function* (scheduler, options = {}) {
  const path = yield* Path.Path
  const profile = options.profile ?? FlagProfile.none
  const directory = path.resolve(options.directory ?? ".")
  const { configFile } = scheduler
  return {
    scheduler: configFile === undefined ? scheduler : { ...scheduler, configFile: path.resolve(directory, configFile) },
    profile,
    program: yield* programOf(scheduler, directory),
    args: schedulerArgs(scheduler, profile, options.extraArgs ?? []),
    busybox: scheduler.binary._tag === "KernelBuiltin" ? yield* findBusybox : undefined
  }
})
