/**
 * Allows one build at a time in a source tree, whichever cache the builds are for.
 *
 * @since 0.1.0
 */
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import { acquireFileLock, findLockRefusal } from "@ktstr/core/host"
import { Effect, type Scope } from "effect"

/** A build takes long; its lock ends with it, however it ends. */
const maxWaitS = 24 * 60 * 60

/**
 * Holds a flock on the tree's directory until the scope closes; writes nothing into it. On a file system without reliable locks it
 * warns and continues without a lock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lockTree: (
  directory: string,
  onWait: Effect.Effect<void>
) => Effect.Effect<void, never, FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor | Scope.Scope> =
  Effect.fn("TreeLock.acquire")(function* (directory: string, onWait: Effect.Effect<void>) {
    const refusal = yield* findLockRefusal(directory)
    if (refusal === undefined) return yield* Effect.asVoid(acquireFileLock(directory, { onWait, timeoutS: maxWaitS }))
    yield* Effect.logWarning(`the source tree is not locked: ${refusal}`)
  })
