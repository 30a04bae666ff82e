import { Data } from "effect"
import { describe, expect, it } from "vitest"
import { KernelError } from "../src/kernel/index.ts"
import { VmmError } from "../src/machine/index.ts"
import {
  type ErrorWithExitCode,
  type ExitCodes,
  exitCodeOfError,
  exitCodeOfResults,
  type KtstrError
} from "../src/report/index.ts"
import { TopologyError } from "../src/topology/index.ts"

describe("exitCodeOfResults", () => {
  it.each([
    [[], 0],
    [["pass", "skip"], 0],
    [["pass", "inconclusive", "skip"], 2],
    [["inconclusive", "fail", "pass"], 1]
  ] as const)("%j → %i", (outcomes, code) => {
    expect(exitCodeOfResults(outcomes.map((outcome) => ({ outcome })))).toBe(code)
  })
})

describe("exitCodeOfError", () => {
  it("separates what the user named from what is missing and what broke", () => {
    expect(exitCodeOfError(new TopologyError({ text: "x", message: "x" }))).toBe(64)
    expect(exitCodeOfError(new KernelError({ reason: "Named", message: "x" }))).toBe(64)
    expect(exitCodeOfError(new KernelError({ reason: "NotFound", message: "x" }))).toBe(69)
    expect(exitCodeOfError(new VmmError({ reason: "BackendMissing", message: "x" }))).toBe(69)
    expect(exitCodeOfError(new VmmError({ reason: "BootFailed", message: "x" }))).toBe(1)
  })

  it("is internal for everything else", () => {
    for (const error of [undefined, null, 7, "x", new Error("x"), { _tag: "Nonsense" }, { _tag: "VmmError" }]) {
      expect(exitCodeOfError(error)).toBe(70)
    }
  })
})

/** Classes and reasons with the codes that users know them by. */
const documented: Readonly<Record<number, ReadonlyArray<string>>> = {
  1: [
    ..."Done Ended Protocol Channel BootTimeout BootStalled PlanTimeout"
      .split(" ")
      .map((reason) => `GuestLost ${reason}`),
    "PayloadError Refused",
    "PayloadError Lost",
    "VmmError BootFailed",
    "VmmError ChannelLost"
  ],
  64: [
    ..."TopologyError CpuListError CpusetSpecError WorkProgramError UnknownPreset UnknownScenario UnknownScheduler UnknownReporter ScenarioError".split(
      " "
    ),
    ..."HoldSpecError KtstrTestError DuplicateName ReplayError TraceError".split(" "),
    "PlanError Program",
    "WorkTypeError WorkerCount",
    "KernelError Named",
    "SchedulerError Declared",
    "OutputFormatError UnknownFormat",
    "OutputFormatError BadOption",
    "VmmError BadKernel",
    "VmmError BadSpec"
  ],
  69: [
    ..."AgentMissing BusyboxMissing CacheError InitramfsError".split(" "),
    ..."NoCgroup2 NoController NoRights MissingFile AgentFailed".split(" ").map((reason) => `HostError ${reason}`),
    ..."NotFound Fetch Cache Build Unsupported".split(" ").map((reason) => `KernelError ${reason}`),
    ..."NotFound Unusable Build Kernel".split(" ").map((reason) => `SchedulerError ${reason}`),
    "OutputFormatError NoModel",
    "PayloadError Program",
    ..."BackendMissing KvmUnusable OutOfMemory Io".split(" ").map((reason) => `VmmError ${reason}`)
  ],
  70: ["CommandRefused"]
}

describe("the table of exit codes", () => {
  it.each(Object.entries(documented))("keeps %s for what it was given to", (code, errors) => {
    const given = errors.map((error) => {
      const [_tag, reason] = error.split(" ")
      return [error, exitCodeOfError({ _tag, reason })]
    })
    expect(given).toEqual(errors.map((error) => [error, Number(code)]))
  })

  it("takes the code that an error of a plugin brings along, but no success, and none in place of core's own", () => {
    const own = (exitCode: unknown, _tag: unknown = "PluginError") => exitCodeOfError({ _tag, message: "x", exitCode })
    expect([own(69), own(64), own(1)]).toEqual([69, 64, 1])
    expect([own(0), own("64"), own(3), own(undefined), own(64, null), own(64, 7)]).toEqual(Array(6).fill(70))
    expect(own(1, "TopologyError")).toBe(64)
    for (const reason of ["constructor", "toString", "__proto__"]) {
      expect(exitCodeOfError({ _tag: "VmmError", reason })).toBe(70)
      expect(exitCodeOfError({ _tag: reason })).toBe(70)
    }
  })

  it("has a code for each class and each reason, or does not compile", () => {
    type Errors = { readonly _tag: "Whole" } | { readonly _tag: "Split"; readonly reason: "A" | "B" }
    const codes = { Whole: 64, Split: { A: 69, B: 1 } } satisfies ExitCodes<Errors>
    expect(codes.Split.B).toBe(1)
    // @ts-expect-error: a class without a code
    const noClass: ExitCodes<Errors> = { Split: { A: 69, B: 1 } }
    // @ts-expect-error: a reason without a code
    const noReason: ExitCodes<Errors> = { Whole: 64, Split: { A: 69 } }
    // @ts-expect-error: one code for all reasons, those to come as well
    const oneForAll: ExitCodes<Errors> = { Whole: 64, Split: 69 }
    // @ts-expect-error: no exit code of ktstr
    const noCode: ExitCodes<Errors> = { Whole: 65, Split: { A: 69, B: 1 } }
    expect([noClass, noReason, oneForAll, noCode]).toHaveLength(4)
  })

  it("is of the errors that a command may end with, or the command does not compile", () => {
    class Stray extends Data.TaggedError("Stray")<{ readonly message: string }> {}
    class Coded extends Data.TaggedError("Coded")<{ readonly message: string }> {
      readonly exitCode = 69
    }
    const coded: KtstrError | ErrorWithExitCode = new Coded({ message: "x" })
    expect(exitCodeOfError(coded)).toBe(69)
    // @ts-expect-error: neither in the table nor with its own code
    const stray: KtstrError | ErrorWithExitCode = new Stray({ message: "x" })
    expect(exitCodeOfError(stray)).toBe(70)
  })
})
