/**
 * Keeps machines at their fork points, one for each set of ingredients, so that runs that differ only in their plan share a boot.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { VmmError, type VmSpec } from "@ktstr/core/machine"
import { Data, Effect, RcMap, type Scope } from "effect"
import type { ForkServer } from "./ForkServer.ts"

/** How long a machine stays at its fork point without children. */
const idleTime = "1 minute"

/** A machine's key: equal for equal ingredients. How to start it is not part of the key. */
class ForkKey extends Data.Class<{ readonly hash: string }> {}

/**
 * @since 0.2.0
 * @category models
 */
export interface ForkPool {
  /**
   * Returns the machine with these ingredients at its fork point, started by `start` if there is none. Undefined if such a machine does not get there:
   * it has to be booted. The scope holds it.
   */
  readonly get: (
    ingredients: ReadonlyArray<string>,
    start: Effect.Effect<ForkServer, VmmError, Scope.Scope>
  ) => Effect.Effect<ForkServer | undefined, never, Scope.Scope>
}

/**
 * Makes a pool. `warn` is told why a machine did not reach its fork point. Closing the scope kills all machines.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForkPool = (
  warn: (message: string) => Effect.Effect<void>
): Effect.Effect<ForkPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const starts = new Map<string, Effect.Effect<ForkServer, VmmError, Scope.Scope>>()
    const unforkable = new Set<string>()
    const servers = yield* RcMap.make({
      idleTimeToLive: idleTime,
      lookup: ({ hash }: ForkKey) =>
        Effect.suspend(
          () => starts.get(hash) ?? Effect.fail(new VmmError({ reason: "BootFailed", message: "nothing to start" }))
        )
    })
    return {
      get: (ingredients, start) => {
        const hash = createHash("sha256").update(JSON.stringify(ingredients)).digest("hex")
        return Effect.suspend(() => {
          if (unforkable.has(hash)) return Effect.succeed(undefined)
          if (!starts.has(hash)) starts.set(hash, start)
          return RcMap.get(servers, new ForkKey({ hash }))
        }).pipe(
          Effect.catchAll(({ message }) =>
            Effect.suspend(() => {
              if (unforkable.has(hash)) return Effect.succeed(undefined)
              unforkable.add(hash)
              return Effect.as(warn(`${message}; each run boots by itself`), undefined)
            })
          )
        )
      }
    }
  })

/**
 * Returns what tells whether a file is the same: its path, size and time of change. Fails as a key that equals no other if there is no such file.
 *
 * @since 0.2.0
 * @category conversions
 */
export const fileIdentity = (path: string): string => {
  const { ctimeMs, ino, size } = fs.statSync(path)
  return `${path} ${ino} ${size} ${ctimeMs}`
}

/**
 * Returns the SHA-256 of an open file, read in slices.
 *
 * @since 0.2.0
 * @category conversions
 */
export const hashOfDescriptor = (file: number): Effect.Effect<string, VmmError> =>
  Effect.tryPromise({
    try: async () => {
      const hash = createHash("sha256")
      for await (const chunk of fs.createReadStream("", { fd: file, autoClose: false, start: 0 })) hash.update(chunk)
      return hash.digest("hex")
    },
    catch: (cause) => new VmmError({ reason: "Io", message: `can't read the initramfs: ${cause}`, cause })
  })

/**
 * Whether a machine can be forked at all: it has a plan to be handed over, and counts its time.
 *
 * @since 0.2.0
 * @category conversions
 */
export const isForkable = (spec: VmSpec): boolean => spec.clock === "deterministic" && spec.handover !== undefined
