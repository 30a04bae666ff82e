/**
 * Starts machines with everything that keeps something out of them or in them, and without what a qemu refuses.
 *
 * @since 0.2.0
 */
import type { VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"

/**
 * A part of a qemu process without which it does the same: its sandbox, which keeps a hostile guest in, or ktstr's plugin, which keeps the host's timing
 * out.
 *
 * @since 0.2.0
 * @category models
 */
export type Guard = "sandbox" | "plugin"

/**
 * What can happen without ktstr's plugin.
 *
 * @since 0.2.0
 * @category messages
 */
export const influenced = "a busy host can make a deterministic run differ when it is repeated"

/**
 * What a qemu says that was built without plugins, has a version with another interface, or lacks the symbols that the plugin needs.
 *
 * @since 0.2.0
 * @category messages
 */
export const pluginRefusal: RegExp = /plugin|ktstr: /

/** How a qemu refuses each guard, and what follows. */
const refusals: ReadonlyArray<readonly [guard: Guard, refusal: RegExp, consequence: string]> = [
  // Of a qemu built without seccomp, or a kernel without it.
  ["sandbox", /sandbox|seccomp/i, "qemu runs without its sandbox"],
  ["plugin", pluginRefusal, `without ktstr's plugin ${influenced}`]
]

/**
 * Remembers which guards each qemu has refused.
 *
 * @since 0.2.0
 * @category models
 */
export interface Guards {
  readonly refused: (binary: string, guard: Guard) => boolean
  /** Starts a machine with the `wanted` guards. If qemu refuses one of them, warns and starts the machine without it. */
  readonly start: <A, R>(
    binary: string,
    wanted: ReadonlyArray<Guard>,
    start: (guards: ReadonlySet<Guard>) => Effect.Effect<A, VmmError, R>
  ) => Effect.Effect<A, VmmError, R>
}

/**
 * Makes a memory of refusals.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeGuards = (warn: (message: string) => Effect.Effect<void>): Guards => {
  const seen = new Set<string>()
  const refused: Guards["refused"] = (binary, guard) => seen.has(`${guard} ${binary}`)
  const start: Guards["start"] = (binary, wanted, make) =>
    Effect.suspend(() => {
      const guards = new Set(wanted.filter((guard) => !refused(binary, guard)))
      return Effect.catchAll(make(guards), (error) => {
        const found = refusals.find(([guard, refusal]) => guards.has(guard) && refusal.test(error.message))
        if (found === undefined) return Effect.fail(error)
        const [guard, , consequence] = found
        seen.add(`${guard} ${binary}`)
        const message = `${error.message.replace(/^qemu refused: /, "")}; ${consequence}`
        return Effect.zipRight(warn(message), start(binary, wanted, make))
      })
    })
  return { refused, start }
}
