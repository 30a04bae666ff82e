import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Waiting } from "../src/machine/index.ts"

it.effect("lets everybody go on at once, and whoever comes later waits anew", () =>
  Effect.gen(function* () {
    const waiting = new Waiting()
    const woken: Array<string> = []
    const wait = (name: string) =>
      Effect.fork(
        Effect.andThen(
          waiting.waitUnless(() => false),
          () => woken.push(name)
        )
      )
    const first = [yield* wait("a"), yield* wait("b")]
    yield* Effect.yieldNow()
    expect(woken).toEqual([])
    waiting.wake()
    yield* Fiber.joinAll(first)
    expect(woken.sort()).toEqual(["a", "b"])
    const later = yield* wait("c")
    yield* Effect.yieldNow()
    expect(later.unsafePoll()).toBeNull()
    waiting.wake()
    yield* Fiber.join(later)
    expect(woken).toContain("c")
  })
)

it.effect("waits for nothing that is there", () => new Waiting().waitUnless(() => true))

it.effect("looks as it begins to wait, not before", () =>
  Effect.gen(function* () {
    const waiting = new Waiting()
    let ready = false
    const wait = waiting.waitUnless(() => ready)
    ready = true
    waiting.wake()
    yield* wait
  })
)
