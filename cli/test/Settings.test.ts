import type { Scenario } from "@ktstr/core"
import { type Backend, layerBackends } from "@ktstr/core/machine"
import { layerScenarios } from "@ktstr/core/scenario"
import { layerBuiltinBackends } from "@ktstr/harness"
import { Effect, Either, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { wantsColor } from "../src/io/Streams.ts"
import * as Settings from "../src/parse/Settings.ts"

const outcome = <A>(checked: Either.Either<A, { readonly message: string }>): A | string => {
  if (Either.isRight(checked)) return checked.right
  expect(checked.left.message).not.toContain("\n")
  return checked.left.message
}

describe("durationMs", () => {
  it.each([
    ["5", 5000],
    ["0.25", 250],
    [".5", 500],
    ["86400", 86_400_000]
  ])("%s", (text, expected) => {
    expect(outcome(Settings.durationMs("--duration", text))).toBe(expected)
  })

  it.each(["0", "-3", "abc", "", "1e3", "0x10", "Infinity", "NaN", "5s", "86401", "0.0001", " 5"])(
    "refuses '%s'",
    (text) => {
      expect(outcome(Settings.durationMs("--duration", text))).toBe(
        `--duration must be a number of seconds greater than 0 and at most 86400, got '${text}'`
      )
    }
  )
})

describe("wholeNumber", () => {
  it("takes what is in its range", () => {
    expect(outcome(Settings.wholeNumber("--workers", "3", 1, 10))).toBe(3)
    for (const text of ["0", "11", "2.5", "x", ""]) {
      expect(outcome(Settings.wholeNumber("--workers", text, 1, 10))).toBe(
        `--workers must be a whole number from 1 to 10, got '${text}'`
      )
    }
  })
})

describe("threshold", () => {
  it("takes numbers from 0 on", () => {
    expect(outcome(Settings.threshold("--max-gap-ms", "0"))).toBe(0)
    expect(outcome(Settings.threshold("--max-gap-ms", "12.5"))).toBe(12.5)
    expect(outcome(Settings.threshold("--max-gap-ms", "-1"))).toBe(
      "--max-gap-ms must be a number not below 0, got '-1'"
    )
  })
})

describe("topology", () => {
  it("comes from a shape, a preset, or neither", () => {
    expect(String(outcome(Settings.topology("2n2l1c1t", undefined)))).toBe("2n2l1c1t")
    expect(String(outcome(Settings.topology(undefined, "smt-3llc")))).toBe("1n3l2c2t")
    expect(String(outcome(Settings.topology(undefined, undefined)))).toBe("1n2l2c1t")
  })

  it.each([
    ["0n1l1c1t", undefined, /0n1l1c1t.*at least 1/],
    ["2n3l1c1t", undefined, /2n3l1c1t.*3 LLCs.*2 NUMA nodes/],
    ["1n2l", undefined, /1n2l.*NnNlNcNt/],
    [undefined, "tiny-1lcl", /tiny-1lcl.*did you mean 'tiny-1llc'/],
    ["1n1l1c1t", "tiny-1llc", /both given/]
  ])("refuses %s %s", (shape, preset, says) => {
    expect(outcome(Settings.topology(shape, preset))).toMatch(says)
  })
})

/** The names of what is chosen, or the error's message. */
const chosen = (names: ReadonlyArray<string>, filter?: string): ReadonlyArray<string> | string => {
  const chosen = Effect.runSync(Effect.either(Effect.provide(Settings.scenarios(names, filter), layerScenarios)))
  const scenarios: ReadonlyArray<Scenario> | string = outcome(chosen)
  return typeof scenarios === "string" ? scenarios : scenarios.map(({ name }) => name)
}

describe("scenarios", () => {
  it("are found by name and by pattern, each once", () => {
    expect(chosen(["cpuset*", "steady", "cpusetApply"])).toEqual([
      "cpusetApply",
      "cpusetClear",
      "cpusetResize",
      "steady"
    ])
    expect(chosen(["cgroup???"])).toEqual(["cgroupAdd"])
  })

  it("are filtered", () => {
    expect(chosen([], "nested*")).toEqual(["nestedSteady", "nestedTaskMove"])
    expect(chosen(["steady*"], "*Llc")).toEqual(["steadyLlc"])
    expect(chosen(["steady"], "nested*")).toBe("no scenario of steady matches --filter nested*")
    expect(chosen([], "x*")).toBe("no scenario matches 'x*'; see: ktstr list scenarios")
  })
})

const backendOf = (name?: string): Either.Either<Backend, { readonly message: string }> =>
  Settings.backend(name).pipe(
    Effect.provide(Layer.provideMerge(layerBuiltinBackends, layerBackends)),
    Effect.either,
    Effect.runSync
  )

const backendName = (name?: string) => outcome(Either.map(backendOf(name), (backend) => backend.name))

describe("names", () => {
  it("are answered with the ones that were meant", () => {
    expect(chosen(["steady", "stedy"])).toMatch(/'stedy'; did you mean 'steady'/)
    expect(backendName("quemu")).toMatch(/'quemu'; did you mean 'qemu'/)
    expect(backendName("xen")).toBe("unknown backend 'xen'; there are: auto, native, qemu, qemu-kvm, qemu-tcg")
  })

  it("default to steady and auto", () => {
    expect(chosen([])).toEqual(["steady"])
    expect(backendName()).toBe("auto")
  })
})

describe("wantsColor", () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true]
  ])("%j on a terminal: %s → %s", (environment, terminal, expected) => {
    expect(wantsColor(environment, terminal)).toBe(expected)
  })
})

describe("determinism", () => {
  const of = (clock: string | undefined, backend = "auto", host = false) =>
    outcome(Settings.determinism(clock, 7, { backend: Either.getOrThrow(backendOf(backend)), host }))

  it("takes the seed", () => {
    expect(of("deterministic")).toEqual({ seed: 7 })
    expect(of("deterministic", "qemu-tcg")).toEqual({ seed: 7 })
    expect(of("auto")).toBeUndefined()
    expect(of(undefined, "native", true)).toBeUndefined()
  })

  it("refuses what counts no instructions", () => {
    expect(of("deterministic", "native")).toContain("which native does not: use --vmm qemu-tcg")
    expect(of("deterministic", "qemu-kvm")).toContain("which qemu-kvm does not")
    expect(of("deterministic", "auto", true)).toContain("leave out --host")
    expect(of("determinstic")).toBe("unknown clock 'determinstic'; did you mean 'deterministic'?")
  })
})

describe("seedRange", () => {
  it("takes a range or one seed", () => {
    expect(outcome(Settings.seedRange("1..500"))).toEqual([1, 500])
    expect(outcome(Settings.seedRange("7"))).toEqual([7, 7])
    for (const text of ["", "5..1", "a..b", "1..", "-1..2", "1..2000000"]) {
      expect(outcome(Settings.seedRange(text))).toBe(
        `--seeds must be a range such as 1..500 of at most 1000000, got '${text}'`
      )
    }
  })
})
