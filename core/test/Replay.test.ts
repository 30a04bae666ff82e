import { describe, expect, it } from "@effect/vitest"
import type { RunResult } from "@ktstr/core"
import { Exploration } from "@ktstr/core/explore"
import {
  changedIngredients,
  DeterminismReport,
  encodeReplay,
  failureCause,
  Ingredients,
  makeReplay,
  parseReplay,
  ReplayRequest,
  replayLimit
} from "@ktstr/core/run"
import { Effect, Either } from "effect"
import fc from "fast-check"

const ingredients = Ingredients.make({
  kernel: { version: "7.3.4", sha256: "a".repeat(64) },
  initramfs: "b".repeat(64),
  plan: "c".repeat(64),
  scheduler: { name: "scx_mine", sha256: "d".repeat(64), args: ["--race"] },
  machine: { version: "QEMU emulator version 7.2.22", arguments: ["-smp", "cpus=4", "-icount", "shift=1,sleep=off"] }
})

const result = (details: ReadonlyArray<string>, scheduleHash = "5".repeat(64)): RunResult =>
  ({
    outcome: details.length === 0 ? "pass" : "fail",
    details,
    schedulerReport: null,
    determinism: DeterminismReport.make({
      seed: 3,
      eventHash: "e".repeat(64),
      scheduleHash,
      perturbation: null,
      ingredients
    })
  }) as unknown as RunResult

const request = ReplayRequest.make({ scenario: "steady", seed: 3, without: [], options: { topology: "1n1l2c1t" } })

describe("Replay", () => {
  it.effect("is read as it was written", () =>
    Effect.gen(function* () {
      const replay = makeReplay(request, result(["stuck 4500ms on cpu2 at +3200ms (threshold 3000ms)"]))!
      expect(yield* parseReplay(encodeReplay(replay), "x.json")).toEqual(replay)
      expect(replay.cause).toBe("stuck #ms on cpu# at +#ms (threshold #ms)")
    })
  )

  it.effect("says in one line what is wrong with a file", () =>
    Effect.gen(function* () {
      const message = (text: string) => Effect.map(Effect.flip(parseReplay(text, "x.json")), (error) => error.message)
      expect(yield* message("no")).toBe("x.json is no replay file: it is not JSON")
      expect(yield* message("null")).toBe("x.json is no replay file: it holds null, not an object")
      expect(yield* message("[]")).toBe("x.json is no replay file: it holds a list, not an object")
      expect(yield* message("7")).toBe("x.json is no replay file: it holds a number, not an object")
      expect(yield* message('{"schemaVersion":2}')).toContain("schema version 2; this ktstr knows version 1")
      const other = yield* message('{"schemaVersion":1,"kind":"other"}')
      expect(other).toBe('x.json is no replay file: kind: Expected "ktstr replay", actual "other"')
      expect(other).not.toContain("\n")
    })
  )

  it.effect("is a replay or a ReplayError whatever the file holds", () =>
    Effect.sync(() => {
      const file = encodeReplay(makeReplay(request, result(["stuck"]))!)
      const pieces = fc.constantFrom("null", "[]", "{}", '"x"', "1e999", "-1", "\u0000", "}", ",", "[".repeat(50_000))
      const mutated = fc
        .array(fc.tuple(fc.nat(file.length), fc.nat(12), pieces), { minLength: 1, maxLength: 4 })
        .map((changes) =>
          changes.reduce((text, [at, gone, piece]) => text.slice(0, at) + piece + text.slice(at + gone), file)
        )
      const value = fc.jsonValue().map((json) => JSON.stringify({ ...JSON.parse(file), ingredients: json }))
      fc.assert(
        fc.property(fc.oneof(mutated, value, fc.string(), fc.json()), (text) => {
          const read = Effect.runSync(Effect.either(parseReplay(text, "x.json")))
          if (Either.isLeft(read)) {
            expect(read.left._tag).toBe("ReplayError")
            expect(read.left.message).toMatch(/^x\.json [^\n]*$/)
            expect(read.left.message.length).toBeLessThan(500)
          }
        }),
        { numRuns: 500 }
      )
    })
  )

  it.effect("is refused where it is larger than any", () =>
    Effect.map(Effect.flip(parseReplay(" ".repeat(replayLimit + 1), "x.json")), ({ message }) =>
      expect(message).toBe("x.json is no replay file: it is larger than 16 MiB")
    )
  )

  it("is none of a run that was not deterministic", () => {
    expect(makeReplay(request, { ...result([]), determinism: null } as RunResult)).toBeUndefined()
  })
})

describe("changedIngredients", () => {
  it("names what has changed", () => {
    expect(changedIngredients(ingredients, ingredients)).toEqual([])
    const now = Ingredients.make({
      ...ingredients,
      kernel: { version: "6.12.1", sha256: "f".repeat(64) },
      scheduler: { name: "scx_mine", sha256: "9".repeat(64), args: [] },
      machine: { ...ingredients.machine, arguments: ["-smp", "cpus=2", "-icount", "shift=1,sleep=off"] }
    })
    expect(changedIngredients(ingredients, now)).toEqual([
      "the kernel was 7.3.4, is 6.12.1",
      "the scheduler's program was dddddddddddddddd, is 9999999999999999",
      "what the scheduler is given was '--race', is ''",
      "the machine's arguments were '-smp cpus=4', are '-smp cpus=2'"
    ])
  })
})

describe("failureCause", () => {
  it("is alike where only numbers differ", () => {
    const one = failureCause(result(["cgroup 'cg_0' worker 3 (tid 161): stuck 2500ms on cpu1"]))
    expect(failureCause(result(["cgroup 'cg_0' worker 12 (tid 9): stuck 3000ms on cpu0"]))).toBe(one)
    expect(failureCause(result(["cgroup 'cg_0' worker 12 (tid 9): died"]))).not.toBe(one)
    expect(failureCause(result([]))).toBeUndefined()
  })
})

describe("Exploration", () => {
  it("groups failures by cause and counts distinct schedules", () => {
    const exploration = new Exploration()
    expect(exploration.add(1, result([], "1".repeat(64)))).toBeUndefined()
    expect(exploration.add(2, result(["stuck 4s"], "1".repeat(64)))).toEqual({ cause: "stuck #s", first: true })
    expect(exploration.add(3, result(["stuck 5s"], "2".repeat(64)))).toEqual({ cause: "stuck #s", first: false })
    expect(exploration.add(4, result(["died"], "3".repeat(64)))).toEqual({ cause: "died", first: true })
    expect(exploration.summary).toEqual({
      runs: 4,
      passed: 1,
      failed: 3,
      open: 0,
      schedules: 3,
      ended: 4,
      failures: [
        { cause: "stuck #s", seeds: [2, 3], details: ["stuck 4s"] },
        { cause: "died", seeds: [4], details: ["died"] }
      ]
    })
  })
})
