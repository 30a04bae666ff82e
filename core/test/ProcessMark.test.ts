import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { NodeFileSystem } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as fc from "fast-check"
import {
  currentProcess,
  ownerState,
  ownTemporaryPrefix,
  type ProcessMark,
  parseProcessStat,
  parseTemporaryName,
  processMarkOf,
  temporaryPrefix
} from "../src/host/ProcessMark.ts"

const self = Effect.map(currentProcess, Option.getOrThrow)

describe("parseProcessStat", () => {
  it("finds its fields behind any name", () => {
    const fields = Array.from({ length: 49 }, (_, index) => index + 4).join(" ")
    for (const name of ["node", "a b", "x) R 1 2 (y", ") S (", "tmux: server"]) {
      expect(parseProcessStat(`77 (${name}) S ${fields}\n`)).toEqual({ pid: 77, state: "S", startTime: 22 })
    }
    expect(parseProcessStat("")).toBeUndefined()
    expect(parseProcessStat("77 (short) S 1 2")).toBeUndefined()
  })
})

describe("a name", () => {
  it("tells the owner that was put into it", () => {
    const mark: fc.Arbitrary<ProcessMark> = fc.record({
      pid: fc.integer({ min: 1, max: 2 ** 22 }),
      startTime: fc.nat(),
      pidNamespace: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      bootId: fc.stringMatching(/^[0-9a-f]{8}$/)
    })
    fc.assert(
      fc.property(mark, fc.constantFrom("ktstr" as const, ".tmp" as const, ".old" as const), (owner, stem) => {
        expect(parseTemporaryName(`${temporaryPrefix(owner, stem)}Ab3-x`)).toEqual(owner)
      })
    )
  })

  it.each([
    "ktstr-1234-abc",
    "ktstr-fetch-Xy",
    "ktstr-1-2-3-xyz-a",
    "ktstr-1-2-3-deadbeef",
    "other-1-2-3-deadbeef-a",
    "ktstr"
  ])("%s tells none", (name) => expect(parseTemporaryName(name)).toBeUndefined())

  it("has none where the texts are of no process", () => {
    expect(processMarkOf("", "pid:[1]", "deadbeef-")).toBeUndefined()
    expect(processMarkOf(readFileSync("/proc/self/stat", "utf8"), "user:[1]", "deadbeef-")).toBeUndefined()
    expect(temporaryPrefix(undefined)).toBe("ktstr-")
  })
})

describe("an owner", () => {
  it.effect("is alive while its process is, and dead after", () =>
    Effect.gen(function* () {
      const me = yield* self
      expect(me.pid).toBe(process.pid)
      expect(parseTemporaryName(`${yield* ownTemporaryPrefix()}x`)).toEqual(me)
      expect(yield* ownerState(me, me)).toBe("alive")
      const child = spawn("sleep", ["100"])
      const mark = {
        ...me,
        ...parseProcessStat(readFileSync(`/proc/${child.pid}/stat`, "utf8"))!
      }
      expect(yield* ownerState(mark, me)).toBe("alive")
      // The same number at another time is another process.
      expect(yield* ownerState({ ...mark, startTime: mark.startTime - 1 }, me)).toBe("dead")
      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      expect(yield* ownerState(mark, me)).toBe("dead")
      expect(yield* ownerState({ ...mark, pidNamespace: 1 }, me)).toBe("foreign")
      expect(yield* ownerState({ ...me, bootId: "00000000" }, me)).toBe("other boot")
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
