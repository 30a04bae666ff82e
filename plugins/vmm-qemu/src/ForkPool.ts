/**
 * Keeps machines at their fork points, one for each set of ingredients, so that runs that differ only in their plan share a boot.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"
import type { VmmError } from "@ktstr/core/machine"
import { Data, Effect, RcMap, type Scope } from "effect"
import type { ForkedMachine, ForkServer } from "./ForkServer.ts"

/** How long a machine stays at its fork point without children. */
const idleTime = "1 minute"

/** Equal for equal ingredients. How to start the machine is not part of the key. */
class ForkKey extends Data.Class<{ readonly hash: string }> {}

/** Starts a machine that others go on from. */
export type StartForkServer = Effect.Effect<ForkServer, VmmError, Scope.Scope>

/**
 * @since 0.2.0
 * @category models
 */
export interface ForkPool {
  /**
   * Makes a machine that goes on with `plan` from the fork point of one with these ingredients, which `start` starts if there is none yet. Undefined if
   * no such machine gets there: this one has to boot by itself.
   */
  readonly fork: (
    ingredients: ReadonlyArray<string>,
    plan: Uint8Array,
    start: StartForkServer
  ) => Effect.Effect<ForkedMachine | undefined, never, Scope.Scope>
}

/**
 * Makes a pool. Closing the scope kills all its machines. `warn` is told once if machines can't be forked at all.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForkPool = (
  warn: (message: string) => Effect.Effect<void>
): Effect.Effect<ForkPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const starts = new Map<string, StartForkServer>()
    /** Machines that can't be forked, and will never be. */
    const hopeless = new Set<string>()
    const servers = yield* RcMap.make({
      idleTimeToLive: idleTime,
      lookup: ({ hash }: ForkKey) => Effect.suspend(() => starts.get(hash) ?? Effect.dieMessage(`no start of ${hash}`))
    })
    const refused = (hash: string, error: VmmError): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (hopeless.has(hash)) return Effect.void
        hopeless.add(hash)
        // A guest that does not get to its fork point tells why in the run that boots by itself.
        return error.reason === "BackendMissing" ? warn(`${error.message}; each run boots by itself`) : Effect.void
      })
    return {
      fork: (ingredients, plan, start) => {
        const hash = createHash("sha256").update(JSON.stringify(ingredients)).digest("hex")
        const key = new ForkKey({ hash })
        return Effect.gen(function* () {
          if (hopeless.has(hash)) return undefined
          // The files of an earlier one may be gone.
          starts.set(hash, start)
          const server = yield* Effect.either(RcMap.get(servers, key))
          if (server._tag === "Left") {
            yield* RcMap.invalidate(servers, key)
            return yield* Effect.as(refused(hash, server.left), undefined)
          }
          return yield* Effect.catchAll(server.right.fork(plan), (error) =>
            // If it was killed meanwhile, the next run starts another.
            Effect.zipRight(
              RcMap.invalidate(servers, key),
              error.reason === "ChannelLost" ? Effect.succeed(undefined) : Effect.as(refused(hash, error), undefined)
            )
          )
        })
      }
    }
  })
