/**
 * Finds and removes what killed runs left behind. Files of living processes stay.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Clock, Effect, Either, Option } from "effect"
import { currentProcess, type OwnerState, ownerState, parseTemporaryName } from "./ProcessMark.ts"

/**
 * A directory in which runs create temporary files.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeftoverPlace {
  readonly directory: string
  readonly kind: "shared memory" | "temporary" | "cache"
}

/**
 * A file or directory whose name identifies its owner.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leftover {
  readonly path: string
  readonly kind: LeftoverPlace["kind"]
  /** PID of the process that made it. */
  readonly pid: number
  readonly owner: OwnerState
  /** Milliseconds since its last change; known only for files in a cache that stem from another boot. */
  readonly idleMs?: number | undefined
}

/**
 * The result of {@link cleanUp}.
 *
 * @since 0.1.0
 * @category models
 */
export interface CleanupReport {
  readonly removed: ReadonlyArray<Leftover>
  /** Files of living processes, and of processes whose state is unknown. */
  readonly kept: ReadonlyArray<Leftover>
  readonly failed: ReadonlyArray<Leftover & { readonly message: string }>
}

/** A file in a cache that has not changed for this many milliseconds is not in use. */
const idleLimitMs = 24 * 60 * 60 * 1000

/**
 * Returns whether a file's owner is gone. In a directory of this machine, a file from an earlier boot is abandoned. A cache may be shared with
 * another machine, which has a different boot ID; there such a file is abandoned if it has not changed for a day.
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
 * Finds all files in these places whose names identify an owner, including living ones. An absent directory contains none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findLeftovers = (
  places: ReadonlyArray<LeftoverPlace>
): Effect.Effect<ReadonlyArray<Leftover>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(Effect.forEach(places, inPlace), (found) => found.flat())

/**
 * Removes the files of dead processes. Never fails: files that can't be removed are in the report. With `dryRun` nothing is removed, and `removed`
 * lists what would be.
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
    // Another clean-up may have removed the file first, which is fine.
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
