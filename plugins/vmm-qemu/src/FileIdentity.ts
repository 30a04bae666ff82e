/**
 * Tells whether files are the same.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { stat } from "node:fs/promises"
import { VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"

const unreadable = (path: string, cause: unknown): VmmError =>
  new VmmError({
    reason: "Io",
    message: `can't read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause
  })

/**
 * Returns what changes when a file does: its path, number, size, and the time of its last change.
 *
 * @since 0.2.0
 * @category conversions
 */
export const fileIdentity = (path: string): Effect.Effect<string, VmmError> =>
  Effect.tryPromise({
    try: async () => {
      const { ctimeMs, ino, size } = await stat(path)
      return `${path} ${ino} ${size} ${ctimeMs}`
    },
    catch: (cause) => unreadable(path, cause)
  })

/**
 * Returns a function from a path to the SHA-256 of its content. A file that has not changed is read once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeFileHash = (): ((path: string) => Effect.Effect<string, VmmError>) => {
  const known = new Map<string, string>()
  return (path) =>
    Effect.gen(function* () {
      const identity = yield* fileIdentity(path)
      const before = known.get(identity)
      if (before !== undefined) return before
      const hash = yield* Effect.tryPromise({
        try: async () => {
          const hash = createHash("sha256")
          for await (const chunk of fs.createReadStream(path)) hash.update(chunk)
          return hash.digest("hex")
        },
        catch: (cause) => unreadable(path, cause)
      })
      known.set(identity, hash)
      return hash
    })
}
