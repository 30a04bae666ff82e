/**
 * Finds this host's static busybox, the user space of guests that need one.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, type Path } from "@effect/platform"
import { Data, Effect, Option } from "effect"
import { programNeeds } from "./ElfDeps.ts"

/**
 * This host has no busybox that a guest could run.
 *
 * @since 0.1.0
 * @category errors
 */
export class BusyboxMissing extends Data.TaggedError("BusyboxMissing")<{ readonly message: string }> {}

/**
 * A static busybox of this host.
 *
 * @since 0.1.0
 * @category models
 */
export interface Busybox {
  /** Absolute path on this host. */
  readonly path: string
  /** Guest paths of its applets, sorted. */
  readonly applets: ReadonlyArray<string>
}

const places = ["/bin/busybox", "/usr/bin/busybox"]

const mend = "run: apt-get install -y --no-install-recommends busybox-static"

/**
 * Looks for busybox where Debian's package installs it, and asks it for its applets. Fails if it is missing or not static.
 *
 * @since 0.1.0
 * @category constructors
 */
export const findBusybox: Effect.Effect<
  Busybox,
  BusyboxMissing,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.findFirst(places, (place) => Effect.orElseSucceed(fs.exists(place), () => false))
  if (Option.isNone(found)) {
    return yield* new BusyboxMissing({ message: `the guest's shell is busybox, and there is no ${places[0]}: ${mend}` })
  }
  const path = found.value
  const unusable = (why: string) => new BusyboxMissing({ message: `the guest can't use ${path}: ${why}; ${mend}` })
  const needs = yield* Effect.mapError(programNeeds([path], {}), ({ message }) => unusable(message))
  if (needs.files.length > 0) return yield* unusable("it is not static")
  const list = yield* Effect.mapError(Command.string(Command.make(path, "--list-full")), ({ message }) =>
    unusable(message)
  )
  const applets = list
    .split("\n")
    // Skip `linuxrc`, which is in the root and would be an init of its own.
    .filter((name) => name.includes("/"))
    .map((name) => `/${name}`)
  return { path, applets: applets.sort() }
}).pipe(Effect.withSpan("Busybox.find"))
