import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { exitCodeOfError } from "@ktstr/core/report"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { layerRegistries } from "../src/Registries.ts"
import { loadPlugins } from "../src/UserConfig.ts"

const inDirectory = <A, E>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "ktstr-config-"))
      symlinkSync(fileURLToPath(new URL("../../../node_modules", import.meta.url)), join(directory, "node_modules"))
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true })
        writeFileSync(join(directory, name), text)
      }
      return directory
    }),
    use,
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

const layer = "Layer.effectDiscard(Effect.sync(() => { globalThis.ktstrConfigRan = true }))"

const refused = (files: Readonly<Record<string, string>>) =>
  Effect.map(
    inDirectory(files, (directory) => Effect.flip(loadPlugins(directory))),
    ({ message }) => {
      expect(message).not.toContain("\n")
      return message
    }
  )

describe("loadPlugins", () => {
  it.effect("finds none where there is no file", () =>
    Effect.gen(function* () {
      expect(yield* inDirectory({}, loadPlugins)).toEqual([])
    })
  )

  it.live("reads TypeScript with its own imports, and leaves no file behind", () =>
    Effect.gen(function* () {
      const text = `import { Effect, Fiber, Layer } from "effect"\nconst plugins: ReadonlyArray<unknown> = [${layer}]\nexport default { plugins }\n`
      const files = { "ktstr.config.ts": text.replace("globalThis", "(globalThis as any)") }
      const [plugins, names] = yield* inDirectory(files, (directory) =>
        Effect.map(loadPlugins(directory), (plugins) => [plugins, readdirSync(directory).sort()] as const)
      )
      expect(names).toEqual(["ktstr.config.ts", "node_modules"])
      expect(plugins).toHaveLength(1)
      yield* Effect.scoped(Layer.build(plugins[0] as unknown as Layer.Layer<never>))
      expect(globalThis).toHaveProperty("ktstrConfigRan", true)
    })
  )

  it.live("reads JavaScript", () =>
    Effect.gen(function* () {
      const text = `import { Effect, Fiber, Layer } from "effect"\nexport default { plugins: [${layer}] }\n`
      expect(yield* inDirectory({ "ktstr.config.mjs": text }, loadPlugins)).toHaveLength(1)
      expect(yield* inDirectory({ "ktstr.config.mjs": "export default {}" }, loadPlugins)).toEqual([])
    })
  )

  it.live("says what is wrong with a file", () =>
    Effect.gen(function* () {
      expect(yield* refused({ "ktstr.config.mjs": "export const a = 1" })).toMatch(
        /ktstr\.config\.mjs: it must export by default/
      )
      expect(yield* refused({ "ktstr.config.mjs": "export default { plugins: 3 }" })).toMatch(/plugins must be a list/)
      expect(yield* refused({ "ktstr.config.mjs": "export default { plugins: [3] }" })).toMatch(
        /plugins\[0\] is no layer/
      )
      expect(yield* refused({ "ktstr.config.mjs": "throw new Error('boom')" })).toMatch(/ktstr\.config\.mjs:1:7: boom$/)
      expect(yield* refused({ "ktstr.config.ts": "export default {" })).toMatch(/ktstr\.config\.ts: .*/)
    })
  )

  it.live("names the key that was meant, and reads keys that throw", () =>
    Effect.gen(function* () {
      expect(yield* refused({ "ktstr.config.mjs": "export default { plugin: [] }" })).toMatch(
        /ktstr\.config\.mjs: unknown key 'plugin'; did you mean 'plugins'\?$/
      )
      expect(yield* refused({ "ktstr.config.mjs": "export default { topology: '1n1l1c1t' }" })).toMatch(
        /ktstr\.config\.mjs: unknown key 'topology'; a configuration has: plugins$/
      )
      const getter = "export default {\n  get plugins() {\n    throw new TypeError('no')\n  }\n}"
      expect(yield* refused({ "ktstr.config.mjs": getter })).toMatch(/ktstr\.config\.mjs:3:11: TypeError: no$/)
    })
  )

  it.live("says where in the sources of TypeScript it went wrong, in whichever file", () =>
    Effect.gen(function* () {
      const files = {
        "ktstr.config.ts": `interface Unused {\n  a: number\n}\nimport { made } from "./deep/part.ts"\nexport default made()\n`,
        "deep/part.ts":
          "type Erased = string\n\nexport const here: string = import.meta.url\nexport const made = (): object => {\n  throw new Error('deep')\n}\n"
      }
      expect(yield* refused(files)).toMatch(/ktstr\.config\.ts: deep \(\/.*\/deep\/part\.ts:5:9\)$/)
      const internal = "import { readFileSync } from 'node:fs'\n\nreadFileSync('/nowhere/at/all')\nexport default {}"
      expect(yield* refused({ "ktstr.config.ts": internal })).toMatch(/ktstr\.config\.ts:3:1: ENOENT: [^(]*$/)
      const parsed = "export default new URL('no address')"
      expect(yield* refused({ "ktstr.config.mjs": parsed })).not.toContain("node:")
    })
  )

  describe("a plugin that is none of the kind it registers as", () => {
    const registering = (call: string) => `
      import { Effect, Layer } from "effect"
      import { OutputFormat, registerScenarios, registerSchedulers, Reporter, WorkType } from "@ktstr/core"
      import { KernelSource, RemoteCache } from "@ktstr/core/kernel"
      import { Backend } from "@ktstr/core/machine"
      import { WorkTypes } from "@ktstr/core/work"
      const later = (call) => Layer.suspend(call)
      export default { plugins: [Layer.empty, ${call}] }`

    const registries = (directory: string) =>
      Effect.flatMap(loadPlugins(directory), (plugins) => Effect.scoped(Layer.build(layerRegistries(plugins))))

    it.live.each<readonly [call: string, says: RegExp]>([
      ["registerScenarios([null])", /a scenario is null: Scenario\.make makes them$/],
      ["registerScenarios(3)", /what registers a scenario is given a number, and wants a list$/],
      [
        "registerScenarios([{ name: 'y', description: '' }])",
        /scenario 'y': its build is undefined, and must be a function/
      ],
      ["registerSchedulers([{ name: 'mine' }])", /scheduler 'mine': its binary is undefined, and must be an object/],
      ["WorkType.layer(undefined)", /a work type is undefined: WorkType\.make makes them/],
      ["later(() => WorkType.plugin({ name: 'W' }))", /work type 'W': its description is undefined/],
      ["OutputFormat.layerAll([{ name: 'F', description: '' }])", /output format 'F': its instantiate is undefined/],
      ["later(() => OutputFormat.plugin({ name: 'F', description: '' }))", /output format 'F': its read is undefined/],
      ["Reporter.plugin({ name: '', description: '', make() {} })", /reporter '': its name is '', and must be a name/],
      ["Reporter.plugin({ name: 'r', description: '' })", /reporter 'r': its make is undefined/],
      ["KernelSource.plugin({ name: 'k' })", /kernel source 'k': its accepts is undefined, and must be a function/],
      [
        "KernelSource.plugin({ name: 'distro', accepts() {}, fetch() {} })",
        /kernel source 'distro': there is one of that name already; choose another/
      ],
      ["RemoteCache.plugin({ name: 'r', get() {} })", /remote cache 'r': its put is undefined, and must be a function/],
      ["Backend.plugin({ name: 'b', description: '' })", /backend 'b': its make is undefined, and must be a function/],
      [
        "Backend.plugin({ name: 'auto', description: '', make() {} })",
        /backend 'auto': there is one of that name already; choose another/
      ],
      ["Layer.effectDiscard(Effect.interrupt)", /interrupts itself$/],
      ["Layer.effectDiscard(Effect.die('gone'))", /threw 'gone'$/],
      ["Layer.effectDiscard(Effect.flatMap(WorkTypes, (all) => all.register(7)))", /a work type is a number/]
    ])("%s", ([call, says]) =>
      Effect.gen(function* () {
        const error = yield* inDirectory({ "ktstr.config.mjs": registering(call) }, (directory) =>
          Effect.flip(registries(directory))
        )
        expect(error.message).toMatch(/^\/.*\/ktstr\.config\.mjs(:\d+:\d+)?: plugins\[1\]: /)
        expect(error.message).toMatch(says)
        expect(error.message).not.toContain("\n")
        expect(exitCodeOfError(error)).toBe(64)
      })
    )

    it.effect("is not waited for for ever", () =>
      Effect.gen(function* () {
        const building = yield* Effect.fork(
          Effect.scoped(Layer.build(layerRegistries([Layer.effectDiscard(Effect.uninterruptible(Effect.never))])))
        )
        yield* TestClock.adjust("2 minutes")
        const error = yield* Effect.flip(Fiber.join(building))
        expect(error.message).toBe("ktstr.config: plugins[0]: has not ended after 60 seconds")
      })
    )
  })

  describe("TypeScript runs from a private folder", () => {
    const looks = "export default { plugins: [] }\n"

    it.live("outside of the user's, with mode 0700, an owner in its name, and gone afterwards", () =>
      Effect.gen(function* () {
        const seen = `
          import { readdirSync, statSync } from "node:fs"
          import { tmpdir } from "node:os"
          const found = readdirSync(tmpdir()).filter((name) => name.startsWith("ktstr-" + process.pid + "-") && name.includes("-config-"))
          ;(globalThis as any).ktstrSeen = {
            found: found.map((name) => [name, statSync(tmpdir() + "/" + name).mode & 0o777]),
            beside: readdirSync(import.meta.dirname)
          }
          ${looks}`
        yield* inDirectory({ "ktstr.config.ts": seen }, loadPlugins)
        const { beside, found } = told().ktstrSeen!
        expect(beside.sort()).toEqual(["ktstr.config.ts", "node_modules"])
        expect(found).toEqual([[expect.stringMatching(/^ktstr-\d+-\d+-\d+-[0-9a-f]{8}-config-\w{6}$/), 0o700]])
        expect(existsSync(join(tmpdir(), found[0]![0]))).toBe(false)
      })
    )

    it.live("and its imports mean what they mean in the user's folder", () =>
      Effect.gen(function* () {
        // A package of two faces: Node's import takes the one, a bundler or require would take the other.
        const files = {
          "real/ktstr.config.ts": `
            import { face } from "two-faces"
            import * as again from "two-faces"
            import { where } from "./deep/part.ts"
            import data from "./data.json"
            import { createRequire } from "node:module"
            const late = await import("two-faces")
            const text = new URL("./data.json", import.meta.url).pathname
            ;(globalThis as any).ktstrMeant = {
              face, same: again.counter === late.counter, where, data, text, url: import.meta.url,
              required: createRequire(import.meta.url)("two-faces").face
            }
            ${looks}`,
          "real/deep/part.ts": "export const where: string = import.meta.url\n",
          "real/data.json": '{"a":1}',
          "real/packages/two-faces/package.json":
            '{"name":"two-faces","exports":{"module":"./m.mjs","import":"./i.mjs","require":"./r.cjs"}}',
          "real/packages/two-faces/m.mjs": "export const face = 'module'; export const counter = {}",
          "real/packages/two-faces/i.mjs": "export const face = 'import'; export const counter = {}",
          "real/packages/two-faces/r.cjs": "exports.face = 'require'"
        }
        yield* inDirectory(files, (directory) =>
          Effect.gen(function* () {
            mkdirSync(join(directory, "real/node_modules"))
            symlinkSync("../packages/two-faces", join(directory, "real/node_modules/two-faces"))
            symlinkSync("real", join(directory, "link"))
            chmodSync(join(directory, "real"), 0o555)
            yield* loadPlugins(join(directory, "link"))
            chmodSync(join(directory, "real"), 0o755)
            const at = (name: string) => pathToFileURL(join(realpathSync(directory), "real", name))
            expect(told().ktstrMeant).toEqual({
              face: "import",
              same: true,
              where: at("deep/part.ts").href,
              data: { a: 1 },
              text: at("data.json").pathname,
              url: at("ktstr.config.ts").href,
              required: "require"
            })
          })
        )
      })
    )

    it.live("which is gone when the file throws, and messages name the user's file", () =>
      Effect.gen(function* () {
        const before = ours()
        expect(yield* refused({ "ktstr.config.ts": "throw new Error('boom')" })).toMatch(/ktstr\.config\.ts:1:7: boom$/)
        const absent = yield* refused({ "ktstr.config.ts": 'import "not-installed"\nexport default {}' })
        expect(absent).toMatch(
          /ktstr\.config\.ts:1:1: Cannot find package 'not-installed' imported from .*ktstr\.config\.ts'?$/
        )
        expect(ours()).toEqual(before)
      })
    )

    it.live("which is gone when the command is interrupted while the file runs", () =>
      Effect.gen(function* () {
        const hangs = "await new Promise(() => {})\nexport default {}"
        const before = ours()
        yield* inDirectory({ "ktstr.config.ts": hangs }, (directory) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(loadPlugins(directory))
            yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => ours().length > before.length }).pipe(
              Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => "no folder was made" })
            )
            yield* Fiber.interrupt(fiber)
          })
        )
        expect(ours()).toEqual(before)
      })
    )
  })
})

/** Folders of configurations that this process has now. */
const ours = () =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`ktstr-${process.pid}-`) && name.includes("-config-"))

/** What a configuration told of itself. */
const told = () =>
  globalThis as {
    readonly ktstrSeen?: { readonly beside: Array<string>; readonly found: ReadonlyArray<readonly [string, number]> }
    readonly ktstrMeant?: unknown
  }
