import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { Scheduler, SchedulerBinary } from "../../src/index.ts"
import { resolveScheduler, type SchedulerError } from "../../src/scheduler/index.ts"

const root = realpathSync(mkdtempSync(join(tmpdir(), "test-ktstr-discovery-")))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The first 20 bytes of an ELF header. */
const elf = (machine: number, bits: 32 | 64 = 64): Uint8Array => {
  const bytes = new Uint8Array(64)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1])
  bytes.set([machine & 0xff, machine >> 8], 18)
  return bytes
}

const put = (path: string, content: Uint8Array | string = elf(62), mode = 0o755): string => {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

const named = (name: string, build?: ReadonlyArray<string>) =>
  Scheduler.make(name, { binary: SchedulerBinary.Discover(name, build === undefined ? {} : { build }) })

const resolve = (scheduler: Scheduler, directory = ".", env: Record<string, string> = {}) =>
  resolveScheduler(scheduler, { directory: join(root, directory) }).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
    Effect.provide(NodeContext.layer)
  )

const program = (...args: Parameters<typeof resolve>) => Effect.map(resolve(...args), (found) => found.program)

const refusal = (...args: Parameters<typeof resolve>) =>
  Effect.map(Effect.flip(resolve(...args)), (error) => {
    expect(error.message).not.toContain("\n")
    return { reason: (error as SchedulerError).reason, message: error.message }
  })

describe("discovery", () => {
  it.effect("says how to mend it when there is nothing", () =>
    Effect.gen(function* () {
      mkdirSync(join(root, "empty"), { recursive: true })
      expect(yield* refusal(named("scx_mitosis"), "empty")).toEqual({
        reason: "NotFound",
        message:
          "scheduler 'scx_mitosis' not found. Set KTSTR_SCHEDULER or place it next to the test binary or in target/{debug,release}/"
      })
    })
  )

  it.effect("looks in its order: the variable, beside the test, build directories of it and above", () =>
    Effect.gen(function* () {
      const order = [
        put("a/b/scx_order"),
        put("a/b/target/debug/scx_order"),
        put("a/b/target/release/scx_order"),
        put("a/b/build/scx_order"),
        put("a/target/debug/scx_order"),
        put("a/target/release/scx_order"),
        put("a/build/scx_order"),
        put("target/debug/scx_order")
      ]
      const variable = put("elsewhere/thing")
      const env = { KTSTR_SCHEDULER: variable }
      expect(yield* program(named("scx_order"), "a/b", env)).toBe(variable)
      for (const file of order) {
        expect(yield* program(named("scx_order"), "a/b")).toBe(file)
        rmSync(file)
      }
      expect((yield* refusal(named("scx_order"), "a/b")).reason).toBe("NotFound")
    })
  )

  it.effect("never replaces what the variable names", () =>
    Effect.gen(function* () {
      put("named/scx_here")
      const { message, reason } = yield* refusal(named("scx_here"), "named", { KTSTR_SCHEDULER: "/nowhere/x" })
      expect(message).toBe("scheduler 'scx_here' not found: KTSTR_SCHEDULER is /nowhere/x, and there is no such file")
      expect(reason).toBe("NotFound")
    })
  )

  it.effect("takes a path from the test's directory", () =>
    Effect.gen(function* () {
      const file = put("paths/scx_path")
      const at = (path: string) => Scheduler.make("p", { binary: SchedulerBinary.Path(path) })
      expect(yield* program(at("./scx_path"), "paths")).toBe(file)
      expect((yield* refusal(at("./scx_pth"), "paths")).message).toBe(
        `scheduler 'p' not found: there is no file ${join(root, "paths/scx_pth")}`
      )
      expect((yield* refusal(at("."), "paths")).message).toBe(
        `scheduler ${join(root, "paths")} is a directory or a device: give the program in it`
      )
    })
  )

  it.effect("needs no program for the kernel's own", () =>
    Effect.gen(function* () {
      expect(yield* program(Scheduler.eevdf)).toBeUndefined()
      const binary = SchedulerBinary.KernelBuiltin({ enable: ["true"], disable: [] })
      const found = yield* resolve(Scheduler.make("features", { binary }))
      expect(found.program).toBeUndefined()
      expect(found.busybox?.path).toMatch(/busybox$/)
    })
  )
})

describe("a program that can't run in the guest", () => {
  it.effect.each([
    ["without execute permission", elf(62), 0o644, /is not executable; run: chmod \+x \/.*bad$/],
    ["for aarch64", elf(183), 0o755, /is built for aarch64; the guest is x86_64/],
    ["for 32 bits", elf(3, 32), 0o755, /is built for x86 \(32 bits\); the guest is x86_64/],
    ["for a machine nobody knows", elf(999), 0o755, /is built for machine 999;/],
    ["that is a text", "hello\n", 0o755, /is no program: it begins neither like an ELF file nor with #!/],
    ["that is empty", "", 0o755, /is no program/]
  ] as const)("%s", ([, content, mode, says]) =>
    Effect.gen(function* () {
      put("bad/bad", content, mode)
      const { message, reason } = yield* refusal(named("bad"), "bad")
      expect(message).toMatch(/^scheduler 'bad': \//)
      expect(message).toMatch(says)
      expect(reason).toBe("Unusable")
    })
  )

  it.effect("is no script, which brings its interpreter", () =>
    Effect.gen(function* () {
      const file = put("script/scx_script", "#!/bin/sh\nexec true\n")
      expect(yield* program(named("scx_script"), "script")).toBe(file)
    })
  )
})

describe("on-demand builds", () => {
  it.effect("run the declared command beside the test, then look again", () =>
    Effect.gen(function* () {
      put("made/template")
      const build = ["sh", "-c", "mkdir -p build && cp template build/scx_made && echo noise"]
      expect(yield* program(named("scx_made", build), "made")).toBe(join(root, "made/build/scx_made"))
    })
  )

  it.effect.each([
    [["sh", "-c", "exit 3"], /^scheduler 'scx_fails': 'sh -c exit 3' ended with 3 in \/.*; see above$/],
    [["true"], /^scheduler 'scx_fails': 'true' succeeded, but made none of \/.*scx_fails, /],
    [[], /its build command is empty/]
  ] as const)("that go wrong: %j", ([build, says]) =>
    Effect.gen(function* () {
      mkdirSync(join(root, "fails"), { recursive: true })
      expect((yield* refusal(named("scx_fails", build), "fails")).message).toMatch(says)
    })
  )
})
