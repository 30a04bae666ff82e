import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import {
  KernelCache,
  KernelError,
  type KernelErrorReason,
  type KernelSource,
  KernelSources,
  layerKernelCache,
  layerKernelResolver,
  layerKernelSources
} from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Exit, Layer } from "effect"
import { bzImage, vmlinux } from "../../core/test/image/images.ts"
import { layerMachineAt } from "../../core/test/kernel/machineRoot.ts"
import { chosenKernels, oneKernel } from "../src/choose/KernelChoice.ts"

const source = (name: string, answer: KernelSource["fetch"]): KernelSource => ({
  name,
  accepts: (spec) => spec.startsWith(`${name}:`),
  fetch: answer
})

const failing = (name: string, reason: KernelErrorReason, message: string): KernelSource =>
  source(name, () => Effect.fail(new KernelError({ reason, message })))

const storing = (name: string, version: string) =>
  Effect.map(
    KernelCache,
    (cache): KernelSource =>
      source(name, ({ onProgress }) =>
        Effect.zipRight(
          onProgress?.({ stage: "download", detail: version, done: 0, total: 1 }) ?? Effect.void,
          cache.store({
            key: version,
            version,
            label: `kernel_${version}`,
            source: { type: name, description: version, spec: `${name}:${version}` },
            schedExt: true,
            image: bzImage(gzipSync(vmlinux([])), { version }),
            vmlinux: { _tag: "Elf", bytes: vmlinux([]) }
          })
        )
      )
  )

/** Outcome on a machine without any kernel, and its standard error. */
const choose = (
  sources: Effect.Effect<ReadonlyArray<KernelSource>, never, KernelCache>,
  yes: boolean,
  names: ReadonlyArray<string> = []
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-choice-"))),
    (root) => {
      let said = ""
      const stream = (keep: boolean) => ({
        write: (text: string) =>
          Effect.sync(() => {
            if (keep) said += text
          }),
        terminal: false,
        color: false,
        columns: 80
      })
      const io = { out: stream(false), err: stream(true), signalled: () => 130 as const }
      const layer = layerKernelResolver.pipe(
        Layer.provideMerge(
          Layer.effectDiscard(
            Effect.zipWith(KernelSources, sources, ({ register }, all) => Effect.forEach(all, register)).pipe(
              Effect.flatten,
              Effect.orDie
            )
          )
        ),
        Layer.provideMerge(layerKernelSources),
        Layer.provideMerge(layerKernelCache),
        Layer.provideMerge(layerMachineAt(root))
      )
      return Effect.exit(chosenKernels(names, yes, io)).pipe(
        Effect.map((exit) => ({ exit, said })),
        Effect.provide(layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", join(root, "cache")]])))
      )
    },
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

describe("where no kernel is found", () => {
  it.live("--yes downloads the latest stable one and says so", () =>
    Effect.gen(function* () {
      const { exit, said } = yield* choose(Effect.all([storing("distro", "7.3.4")]), true)
      expect(said).toBe("ktstr: no kernel found, downloading latest stable\ndownloading 7.3.4\n")
      expect(Exit.map(exit, (kernels) => kernels.map(({ version }) => version))).toEqual(Exit.succeed(["7.3.4"]))
    })
  )

  it.live("the next source is asked where the machine can't have the first, and no other failure is passed over", () =>
    Effect.gen(function* () {
      const unsupported = failing("distro", "Unsupported", "this is no Debian")
      const built = yield* choose(Effect.all([Effect.succeed(unsupported), storing("kernel.org", "7.4.9")]), true)
      expect(Exit.map(built.exit, (kernels) => kernels.map(({ version }) => version))).toEqual(Exit.succeed(["7.4.9"]))
      const cut = failing("distro", "Fetch", "fetch https://example.org/releases.json: HTTP 503")
      const failed = yield* choose(Effect.all([Effect.succeed(cut), storing("kernel.org", "7.4.9")]), true)
      expect(failed.exit).toMatchObject({ cause: { error: { message: expect.stringContaining("HTTP 503") } } })
    })
  )

  it.live("without --yes and without a terminal the hints are the answer, and a name is never replaced", () =>
    Effect.gen(function* () {
      const sources = Effect.all([storing("distro", "7.3.4")])
      const { exit, said } = yield* choose(sources, false)
      expect(exit).toMatchObject({ cause: { error: { reason: "NotFound" } } })
      expect(said).toBe("")
      const named = yield* choose(sources, true, ["7.9.1"])
      expect(named.exit).toMatchObject({ cause: { error: { reason: "Named" } } })
      expect(named.said).toBe("")
    })
  )
})

describe("a command that boots one kernel", () => {
  const message = (option: string | undefined, environment: NodeJS.ProcessEnv = {}) =>
    Effect.map(Effect.flip(oneKernel("exec", option, environment)), (error) => `${error._tag}: ${error.message}`)

  it.effect.each(["6.12..6.16", "6.12.3..6.16", "kernel.org:6.12..6.16", "6.16..6.12", "6.14..6.14"])(
    "refuses the range %s by its words",
    (range) =>
      Effect.gen(function* () {
        const last = range.replace(/.*\.\./, "")
        expect(yield* message(range)).toBe(
          `UsageError: --kernel '${range}' is a range, and ktstr exec boots one kernel: give one version such as ${last}, an image, a tree or a cache key (ktstr run and ktstr test take a range)`
        )
      })
  )

  it.effect("refuses a range in the variable that is read without the option, and no other", () =>
    Effect.gen(function* () {
      const range = { KTSTR_KERNEL: "6.12..6.16" }
      expect(yield* message(undefined, range)).toMatch(/^UsageError: KTSTR_KERNEL '6\.12\.\.6\.16' is a range/)
      expect(yield* oneKernel("exec", "6.14", range)).toBe("6.14")
      expect(yield* oneKernel("exec", undefined, { ...range, KTSTR_TEST_KERNEL: "/boot/vmlinuz" })).toBeUndefined()
      expect(yield* message(undefined, { ...range, KTSTR_TEST_KERNEL: "" })).toMatch(/is a range/)
    })
  )

  it.effect.each([
    "6.14",
    "6.14.2",
    "6.15-rc3",
    "../linux",
    "./6.12..6.16",
    "git+https://example.org/l.git#a..b",
    "my-key"
  ])("takes %s", (name) => Effect.map(oneKernel("exec", name, {}), (kept) => expect(kept).toBe(name)))
})
