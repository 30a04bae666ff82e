import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { bootMachine, Vmm, VmmError, type VmSpec } from "../../src/machine/index.ts"
import { exitCodeOfError } from "../../src/report/index.ts"
import { Topology } from "../../src/topology/index.ts"

const spec: VmSpec = {
  kernel: { image: "/nowhere" },
  initramfs: [],
  cmdline: [],
  topology: Effect.runSync(Topology.make({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 })),
  memoryMb: 64,
  clock: "auto"
}

const boot = (of: () => unknown) =>
  Effect.scoped(bootMachine(spec)).pipe(Effect.provideService(Vmm, { boot: of } as Vmm["Type"]))

describe("bootMachine", () => {
  it.effect.each<readonly [string, () => unknown, string]>([
    ["fails with a foreign error", () => Effect.fail(new RangeError("odd")), "RangeError: odd"],
    [
      "fails with a reason that there is not",
      () => Effect.fail({ _tag: "VmmError", reason: "No", message: "odd" }),
      "odd"
    ],
    ["dies", () => Effect.die("dead"), "threw 'dead'"],
    ["returns no effect", () => 7, "it returned no Effect"],
    ["returns no machine", () => Effect.succeed(null), "it returned no machine"],
    ["returns half a machine", () => Effect.succeed({ console: 1 }), "it returned a machine without 'consoleTail'"]
  ])("says that a backend failed that %s", ([, of, how]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(boot(of))
      expect(error.message.replace(/ \(\/.*\)$/, "")).toBe(`the machine's backend failed in \`boot\`: ${how}`)
      expect(exitCodeOfError(error)).toBe(69)
    })
  )

  it.effect("says it of one that throws, with the place", () =>
    Effect.gen(function* () {
      const throwing = () => {
        throw new Error("thrown")
      }
      const { message } = yield* Effect.flip(boot(throwing))
      expect(message).toMatch(/^the machine's backend failed in `boot`: thrown \(.*BootMachine\.test\.ts:\d+:\d+\)$/)
    })
  )

  it.effect("passes on documented errors and interruption", () =>
    Effect.gen(function* () {
      const error = new VmmError({ reason: "BadSpec", message: "no" })
      expect(yield* Effect.flip(boot(() => error))).toBe(error)
      expect(Exit.isInterrupted(yield* Effect.exit(boot(() => Effect.interrupt)))).toBe(true)
    })
  )
})
