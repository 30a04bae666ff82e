import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { guardPlugin, pluginEffect } from "../src/base/index.ts"

const untyped = (value: unknown) => () => value as Effect.Effect<number>

describe("pluginEffect", () => {
  it.effect.each([undefined, null, 3, "text", Promise.resolve(3), { _tag: "Effect" }])("refuses %s", (value) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(pluginEffect(untyped(value)))
      const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(defect).toMatchObject({ message: "it returned no Effect" })
    })
  )

  it.effect("runs an effect, and keeps what is thrown", () =>
    Effect.gen(function* () {
      expect(yield* pluginEffect(() => Effect.succeed(3))).toBe(3)
      const thrown = new Error("boom")
      const exit = yield* Effect.exit(
        pluginEffect((): Effect.Effect<number> => {
          throw thrown
        })
      )
      expect(exit).toEqual(Exit.die(thrown))
    })
  )

  it.effect("names no place of ktstr's in guardPlugin's fault", () =>
    Effect.gen(function* () {
      const how = yield* guardPlugin<number, string, never>(untyped(7), {
        tag: "Nothing",
        reasons: [],
        problem: () => undefined,
        fault: (text) => text
      }).pipe(Effect.flip)
      expect(how).toBe("it returned no Effect")
    })
  )
})
