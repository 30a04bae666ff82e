import { Command, FileSystem, Path } from "@effect/platform"
import { Effect, Schema } from "effect"
import { SchedulerError } from "./Error.ts"

/** The part of `cargo metadata` (format version 1) that is needed to find a program. */
const Metadata = Schema.parseJson(
  Schema.Struct({
    target_directory: Schema.String,
    packages: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        targets: Schema.Array(Schema.Struct({ name: Schema.String, kind: Schema.Array(Schema.String) }))
      })
    )
  })
)

const manifestAbove = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (let at = directory; ; at = path.dirname(at)) {
    if (yield* Effect.orElseSucceed(fs.exists(path.join(at, "Cargo.toml")), () => false)) return at
    if (path.dirname(at) === at) return undefined
  }
})

const bad = (message: string) => new SchedulerError({ reason: "Build", message })

/** Builds the program if the nearest Cargo manifest, or a member of its workspace, names it. Returns its path; undefined if no manifest names it. */
export const cargoBuild = Effect.fn("SchedulerDiscovery.cargoBuild")(function* (name: string, directory: string) {
  const path = yield* Path.Path
  const home = yield* manifestAbove(directory)
  if (home === undefined) return undefined
  const cargo = (...args: ReadonlyArray<string>) => Command.make("cargo", ...args).pipe(Command.workingDirectory(home))
  const text = yield* Effect.mapError(
    Command.string(cargo("metadata", "--no-deps", "--format-version", "1")),
    (cause) => bad(`scheduler '${name}' may be in ${home}/Cargo.toml, but cargo can't be run: ${cause.message}`)
  )
  const metadata = yield* Effect.mapError(Schema.decode(Metadata)(text), () =>
    bad(`scheduler '${name}': cargo metadata does not understand ${home}/Cargo.toml; run it there to see why`)
  )
  const owner = metadata.packages.find(({ targets }) =>
    targets.some((target) => target.name === name && target.kind.includes("bin"))
  )
  if (owner === undefined) return undefined
  // Cargo reports its progress on standard error; standard output is reserved for the result.
  const code = yield* Effect.mapError(
    Command.exitCode(cargo("build", "-p", owner.name).pipe(Command.stderr("inherit"))),
    (cause) => bad(`scheduler '${name}': cargo can't be run: ${cause.message}`)
  )
  if (code !== 0) {
    return yield* bad(`scheduler '${name}': cargo build -p ${owner.name} ended with ${code} in ${home}; see above`)
  }
  return path.join(metadata.target_directory, "debug", name)
})
