import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import {
  type Backend,
  bootMachine,
  KvmProbe,
  openBackend,
  Vmm,
  VmmError,
  type VmSpec
} from "../../src/machine/index.ts"
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

describe("openBackend", () => {
  /** Boots with a registered backend; neither function asks whether KVM works. */
  const bootWith = (make: () => unknown) =>
    Effect.gen(function* () {
      const vmm = yield* openBackend({ name: "shed", description: "", make } as Backend, {})
      return yield* vmm.boot(spec)
    }).pipe(Effect.scoped, Effect.provideService(KvmProbe, {} as KvmProbe["Type"]))

  it.effect.each<readonly [string, () => unknown, string]>([
    ["dies", () => Effect.die("dead"), "`make`: threw 'dead'"],
    ["returns no effect", () => 7, "`make`: it returned no Effect"],
    ["can't boot", () => Effect.succeed({}), "`make`: it returned nothing with a function `boot`"],
    ["boots nothing", () => Effect.succeed({ boot: () => Effect.succeed(null) }), "`boot`: it returned no machine"],
    ["dies at boot", () => Effect.succeed({ boot: () => Effect.die("dead") }), "`boot`: threw 'dead'"]
  ])("names the backend that %s", ([, make, how]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(bootWith(make))
      expect(error.message.replace(/ \(\/.*\)$/, "")).toBe(`the backend 'shed' failed in ${how}`)
      expect(exitCodeOfError(error)).toBe(69)
    })
  )

  it.effect("passes on the errors that a backend may have", () =>
    Effect.gen(function* () {
      const error = new VmmError({ reason: "KvmUnusable", message: "no" })
      expect(yield* Effect.flip(bootWith(() => error))).toBe(error)
      expect(yield* Effect.flip(bootWith(() => Effect.succeed({ boot: () => error })))).toBe(error)
    })
  )
})
