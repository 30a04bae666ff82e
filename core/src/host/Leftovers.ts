/**
 * What runs that were killed left behind, and its removal. Everything of a living process stays.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Clock, Effect, Either, Option } from "effect"
import { currentProcess, type OwnerState, ownerState, parseTemporaryName } from "./ProcessMark.ts"

/**
 * A directory in which runs have temporary files.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeftoverPlace {
  readonly directory: string
  readonly kind: "shared memory" | "temporary" | "cache"
}

/**
 * A file or directory whose name says whose it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leftover {
  readonly path: string
  readonly kind: LeftoverPlace["kind"]
  /** Number of the process that made it. */
  readonly pid: number
  readonly owner: OwnerState
  /** Milliseconds since it was last changed; known of those of another boot in a cache. */
  readonly idleMs?: number | undefined
}

/**
 * What {@link cleanUp} did.
 *
 * @since 0.1.0
 * @category models
 */
export interface CleanupReport {
  readonly removed: ReadonlyArray<Leftover>
  /** Of living processes, and of those nothing can be known of. */
  readonly kept: ReadonlyArray<Leftover>
  readonly failed: ReadonlyArray<Leftover & { readonly message: string }>
}

/** Nothing of a cache is worked on for so long without a change. */
const idleLimitMs = 24 * 60 * 60 * 1000

/**
 * Files of an earlier boot are nobody's in directories of this machine. A cache may be shared with another machine, whose boot is another: what
 * nobody touched for a day is nobody's there.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isAbandoned = ({ idleMs = 0, kind, owner }: Pick<Leftover, "kind" | "owner" | "idleMs">): boolean =>
  owner === "dead" || (owner === "other boot" && (kind !== "cache" || idleMs > idleLimitMs))

const inPlace = Effect.fnUntraced(function* ({ directory, kind }: LeftoverPlace) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const self = yield* currentProcess
  if (Option.isNone(self)) return []
  const names = yield* Effect.orElseSucceed(fs.readDirectory(directory), () => [])
  const owned = names.sort().flatMap((name) => {
    const mark = parseTemporaryName(name)
    return mark === undefined ? [] : [{ name, mark }]
  })
  return yield* Effect.forEach(owned, ({ name, mark }) =>
    Effect.gen(function* () {
      const owner = yield* ownerState(mark, self.value)
      const found: Leftover = { path: path.join(directory, name), kind, pid: mark.pid, owner }
      if (kind !== "cache" || owner !== "other boot") return found
      const now = yield* Clock.currentTimeMillis
      const changed = yield* Effect.match(fs.stat(found.path), {
        onFailure: () => now,
        onSuccess: ({ mtime }) => Option.match(mtime, { onNone: () => now, onSome: (time) => time.getTime() })
      })
      return { ...found, idleMs: now - changed }
    })
  )
})

/**
 * All files in these places whose names tell an owner, those of living ones included. A directory that is not there has none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findLeftovers = (
  places: ReadonlyArray<LeftoverPlace>
): Effect.Effect<ReadonlyArray<Leftover>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(Effect.forEach(places, inPlace), (found) => found.flat())

/**
 * Removes what is left of dead processes. Never fails: what can't be removed is in the report. With `dryRun` nothing is removed, and
 * `removed` is what would be.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanUp: (
  places: ReadonlyArray<LeftoverPlace>,
  options?: { readonly dryRun?: boolean }
) => Effect.Effect<CleanupReport, never, FileSystem.FileSystem | Path.Path> = Effect.fn("Leftovers.cleanUp")(function* (
  places: ReadonlyArray<LeftoverPlace>,
  options?: { readonly dryRun?: boolean }
) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* findLeftovers(places)
  const abandoned = found.filter(isAbandoned)
  if (options?.dryRun === true) {
    return { removed: abandoned, kept: found.filter((file) => !isAbandoned(file)), failed: [] }
  }
  const results = yield* Effect.forEach(abandoned, (file) =>
    // Another clean-up may be faster: what is gone is gone.
    Effect.map(Effect.either(fs.remove(file.path, { recursive: true, force: true })), (result) => ({ file, result }))
  )
  return {
    removed: results.flatMap(({ file, result }) => (Either.isRight(result) ? [file] : [])),
    kept: found.filter((file) => !isAbandoned(file)),
    failed: results.flatMap(({ file, result }) =>
      Either.isLeft(result) ? [{ ...file, message: result.left.message }] : []
    )
  }
})
