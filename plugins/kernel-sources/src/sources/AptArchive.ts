/**
 * Reads the machine's archive through apt with private directories. Another suite can be searched and downloaded from while the
 * system's sources, lists and cache stay as they are.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor, FileSystem, Path } from "@effect/platform"
import { ownTemporaryPrefix } from "@ktstr/core/host"
import { KernelError } from "@ktstr/core/kernel"
import { Effect, Fiber, Stream } from "effect"
import type { Distribution } from "./Distribution.ts"
import { type KernelPackage, packageRelease, parsePackages } from "./DistroSpec.ts"

/**
 * An archive opened for one fetch; its files are removed when the scope closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface AptArchive {
  /** Returns the archive's name of the suite that an alias such as `stable` stands for. */
  readonly codename: (suite: string) => Effect.Effect<string, KernelError>
  /** Returns the kernel image packages of a suite. Fetches its index. */
  readonly kernels: (suite: string) => Effect.Effect<ReadonlyArray<KernelPackage>, KernelError>
  /** Returns the newest package of exactly that name in a suite. Fetches its index. */
  readonly find: (suite: string, name: string) => Effect.Effect<KernelPackage | undefined, KernelError>
  /** Downloads one package of the suite that was searched last and returns its path. `onBytes` gets the number of bytes so far. */
  readonly download: (
    wanted: KernelPackage,
    onBytes: (bytes: number) => Effect.Effect<void>
  ) => Effect.Effect<string, KernelError>
}

interface Target {
  readonly origin: string
  readonly label: string
  readonly uri: string
  readonly suite: string
}

const noApt = (cause: unknown): KernelError =>
  new KernelError({
    reason: "Unsupported",
    message:
      "no apt-get on this machine: distribution kernels come from Debian's or Ubuntu's archive; give a kernel with --kernel PATH or KTSTR_TEST_KERNEL",
    cause
  })

/** Returns apt's error lines, else its last line. */
const complaint = (output: string): string => {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("dlstatus:"))
  const errors = lines.filter((line) => /^E: /.test(line) && !/Some index files failed/.test(line))
  const warnings = lines.filter((line) => /^(W: |Err:)/.test(line))
  return (errors[0] ?? warnings[0] ?? lines.at(-1) ?? "no output").replace(/^(E|W): /, "").replace(/\s+/g, " ")
}

/**
 * Opens the archive that apt on this machine is configured with. Fails with `Unsupported` if there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openAptArchive = Effect.fn("AptArchive.open")(function* (distribution: Distribution) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const executor = yield* CommandExecutor.CommandExecutor
  const toFetchError = (what: string) => (cause: { readonly message: string }) =>
    new KernelError({ reason: "Fetch", message: `${what}: ${cause.message}`, cause })

  const run = (
    environment: Record<string, string>,
    program: string,
    args: ReadonlyArray<string>,
    onLine: (line: string) => Effect.Effect<void> = () => Effect.void,
    cwd = "/"
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const process = yield* executor
          .start(
            Command.make(program, ...args).pipe(
              Command.env({ ...environment, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" }),
              Command.workingDirectory(cwd)
            )
          )
          .pipe(Effect.mapError(noApt))
        const errors = yield* Effect.fork(
          Stream.runFold(Stream.decodeText(process.stderr), "", (all, part) => all + part)
        )
        const lines = yield* process.stdout.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.tap(onLine),
          Stream.filter((line) => !line.startsWith("dlstatus:")),
          Stream.runCollect
        )
        const stderr = yield* Fiber.join(errors)
        return { code: Number(yield* process.exitCode), stdout: Array.from(lines).join("\n"), stderr }
      })
    ).pipe(Effect.mapError((cause) => (cause._tag === "KernelError" ? cause : toFetchError(program)(cause))))

  const root = yield* fs
    .makeTempDirectoryScoped({ prefix: `${yield* ownTemporaryPrefix()}fetch-` })
    .pipe(Effect.mapError(toFetchError("no temporary directory for the download (set TMPDIR)")))
  const sub = (...parts: ReadonlyArray<string>): string => path.join(root, ...parts)

  const settings = yield* run({}, "apt-config", ["dump"])
  // The machine's proxies, time-outs and trust settings count; its hooks and extra index kinds do not.
  const acquire = settings.stdout
    .split("\n")
    .filter((line) => line.startsWith("Acquire::") && !line.startsWith("Acquire::IndexTargets"))
  const configuration = [
    ...acquire,
    `Dir::Etc::main "/dev/null";`,
    `Dir::Etc::parts "/dev/null";`,
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts "${sub("parts")}";`,
    `Dir::Etc::preferences "/dev/null";`,
    `Dir::Etc::preferencesparts "/dev/null";`,
    `Dir::State "${sub("state")}";`,
    `Dir::State::status "${sub("status")}";`,
    `Dir::Cache "${sub("cache")}";`,
    `Dir::Log "${sub("log")}";`,
    // Whatever the machine's settings allow, a kernel from an unsigned archive is not booted.
    ...["AllowInsecureRepositories", "AllowWeakRepositories", "AllowDowngradeToInsecureRepositories"].map(
      (name) => `Acquire::${name} "false";`
    ),
    `APT::Get::AllowUnauthenticated "false";`,
    `Acquire::Languages "none";`,
    `APT::Architecture "amd64";`,
    `APT::Architectures "amd64";`,
    // The user _apt can't read the private directory; apt would warn about that on each run.
    `APT::Sandbox::User "";`,
    `APT::Update::Error-Mode "any";`,
    `APT::Color "false";`
  ]
  const environment = { APT_CONFIG: sub("apt.conf") }
  yield* Effect.gen(function* () {
    for (const directory of [
      "parts",
      "state/lists/partial",
      "cache/archives/partial",
      "log",
      "packages",
      "empty/partial"
    ]) {
      yield* fs.makeDirectory(sub(directory), { recursive: true })
    }
    yield* fs.writeFileString(sub("status"), "")
    yield* fs.writeFileString(sub("apt.conf"), `${configuration.join("\n")}\n`)
  }).pipe(Effect.mapError(toFetchError("the download directory cannot be prepared (set TMPDIR)")))

  const format = "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)\t$(RELEASE)\t$(CODENAME)"
  const known = yield* run({}, "apt-get", ["indextargets", "--format", format, "Created-By: Packages"])
  const targets = known.stdout.split("\n").flatMap((line): ReadonlyArray<Target> => {
    const [origin, label, uri, suite] = line.split("\t")
    return origin === distribution.origin && uri !== undefined
      ? [{ origin, label: label ?? "", uri, suite: suite ?? "" }]
      : []
  })
  // Before the first `apt-get update` apt knows no origins: use the address that serves the machine's own suite. The signature is
  // checked against the distribution's keyring all the same.
  const planned = yield* run({}, "apt-get", ["-o", `Dir::State::lists=${sub("empty")}`, "update", "--print-uris"])
  const guesses = planned.stdout.split("\n").flatMap((line): ReadonlyArray<Target> => {
    const match = /^'(.+\/)dists\/(.+)\/InRelease' /.exec(line)
    return match === null ? [] : [{ origin: "", label: "", uri: match[1] ?? "", suite: match[2] ?? "" }]
  })
  const main =
    targets.find((target) => target.label === distribution.origin && target.suite === distribution.codename) ??
    targets.find((target) => target.label === distribution.origin) ??
    guesses.find((target) => target.suite === distribution.codename)
  if (main === undefined) {
    return yield* new KernelError({
      reason: "Unsupported",
      message: `apt on this machine has no source for ${distribution.origin} ${distribution.codename}: add the distribution's archive to its sources, or give a kernel with --kernel PATH`
    })
  }

  const signedBy = yield* Effect.findFirst(distribution.keyrings, (file) =>
    Effect.orElseSucceed(fs.exists(file), () => false)
  )

  const update = Effect.fn("AptArchive.update")(function* (suite: string, ...options: ReadonlyArray<string>) {
    const own = [...targets, ...guesses].find((target) => target.suite === suite)
    const source = [
      "Types: deb",
      `URIs: ${(own ?? main).uri}`,
      `Suites: ${suite}`,
      "Components: main",
      "Architectures: amd64",
      ...(signedBy._tag === "Some" ? [`Signed-By: ${signedBy.value}`] : [])
    ]
    yield* fs
      .writeFileString(sub("parts", "ktstr.sources"), `${source.join("\n")}\n`)
      .pipe(Effect.mapError(toFetchError("the private sources file")))
    const updated = yield* run(environment, "apt-get", ["update", "-q", ...options])
    if (updated.code !== 0) {
      const output = `${updated.stderr}\n${updated.stdout}`
      const keyring = signedBy._tag === "Some" ? `the keyring ${signedBy.value}` : "apt's own keyrings"
      const unsigned = /is not signed|NO_PUBKEY|BADSIG|EXPKEYSIG|signature/i.test(output)
        ? `; ktstr takes kernels only from an archive whose signature verifies with ${keyring}`
        : ""
      return yield* new KernelError({
        reason: "Fetch",
        message: `apt-get update for ${suite} failed: ${complaint(output)}${unsigned}`
      })
    }
  })

  return {
    codename: Effect.fn("AptArchive.codename")(function* (suite: string) {
      yield* update(suite, "-o", "Acquire::IndexTargets::deb::Packages::DefaultEnabled=false")
      const lists = yield* fs.readDirectory(sub("state", "lists")).pipe(Effect.mapError(toFetchError("apt's lists")))
      const release = lists.find((name) => name.endsWith("Release"))
      const text =
        release === undefined
          ? ""
          : yield* fs.readFileString(sub("state", "lists", release)).pipe(Effect.mapError(toFetchError("apt's lists")))
      return /^Codename: *(\S+)/m.exec(text)?.[1] ?? suite
    }),
    kernels: Effect.fn("AptArchive.kernels")(function* (suite: string) {
      yield* update(suite)
      const names = yield* run(environment, "apt-cache", ["pkgnames", "linux-"])
      const wanted = names.stdout.split("\n").filter((name) => packageRelease(name) !== undefined)
      if (wanted.length === 0) return []
      const shown = yield* run(environment, "apt-cache", ["show", ...wanted])
      return parsePackages(shown.stdout, suite)
    }),
    find: Effect.fn("AptArchive.find")(function* (suite: string, name: string) {
      yield* update(suite)
      const shown = yield* run(environment, "apt-cache", ["show", "--no-all-versions", name])
      return parsePackages(shown.stdout, suite).find((candidate) => candidate.name === name)
    }),
    download: Effect.fn("AptArchive.download")(function* (
      wanted: KernelPackage,
      onBytes: (bytes: number) => Effect.Effect<void>
    ) {
      const directory = sub("packages")
      const percent = (line: string): Effect.Effect<void> => {
        const match = /^dlstatus:[0-9]+:([0-9.]+):/.exec(line)
        return match === null ? Effect.void : onBytes(Math.round((Number(match[1]) / 100) * wanted.size))
      }
      const done = yield* run(
        environment,
        "apt-get",
        ["-q", "-o", "APT::Status-Fd=1", "download", `${wanted.name}=${wanted.version}`],
        percent,
        directory
      )
      const files = yield* fs.readDirectory(directory).pipe(Effect.mapError(toFetchError("the download directory")))
      const file = files.find((name) => name.startsWith(`${wanted.name}_`) && name.endsWith(".deb"))
      if (done.code !== 0 || file === undefined) {
        return yield* new KernelError({
          reason: "Fetch",
          message: `download of ${wanted.name} ${wanted.version} failed: ${complaint(`${done.stderr}\n${done.stdout}`)}`
        })
      }
      return path.join(directory, file)
    })
  } satisfies AptArchive
})
