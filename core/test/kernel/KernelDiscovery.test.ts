import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { KernelCache, layerKernelCache, type StoreInput } from "../../src/kernel/Cache.ts"
import { layerKernelResolver } from "../../src/kernel/Discovery.ts"
import { KernelError } from "../../src/kernel/Error.ts"
import { KernelResolver } from "../../src/kernel/Resolver.ts"
import { CurrentFragment, KernelSource, layerKernelSources } from "../../src/kernel/Source.ts"
import { bzImage, vmlinux } from "../image/images.ts"
import { layerMachineAt } from "./machineRoot.ts"

interface Setting {
  readonly root: string
  readonly cache: KernelCache["Type"]
  readonly resolver: KernelResolver["Type"]
}

/** Runs a test body in a directory of its own, with a cache in it and the given variables; `ROOT` in them stands for that directory. */
const setting = <A, E>(
  environment: Record<string, string>,
  body: (setting: Setting) => Effect.Effect<A, E>,
  sources: ReadonlyArray<KernelSource> = []
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-resolver-"))),
    (root) => {
      const variables = Object.entries({ KTSTR_CACHE_DIR: "ROOT/cache", ...environment })
      const config = new Map(variables.map(([name, value]) => [name, value.replace("ROOT", root)]))
      return Effect.gen(function* () {
        return yield* body({ root, cache: yield* KernelCache, resolver: yield* KernelResolver })
      }).pipe(
        Effect.provide(
          layerKernelResolver.pipe(
            Layer.provide(
              sources.reduce(
                (others, source) => Layer.provideMerge(Layer.orDie(KernelSource.plugin(source)), others),
                layerKernelSources
              )
            ),
            Layer.provideMerge(layerKernelCache),
            Layer.provideMerge(layerMachineAt(root))
          )
        ),
        Effect.withConfigProvider(ConfigProvider.fromMap(config))
      )
    },
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const storeInput = (version: string, schedExt = true): StoreInput => ({
  key: `${version}-distro-x86_64`,
  version,
  label: `kernel_distro_${version.replace(/\W/g, "_")}`,
  source: { type: "distro", description: version, spec: `distro:linux-binary-${version}` },
  schedExt,
  image: bzImage(gzipSync(vmlinux([])), { version }),
  vmlinux: { _tag: "Elf", bytes: vmlinux([]) }
})

const store = (cache: KernelCache["Type"], version: string, schedExt = true) =>
  cache.store(storeInput(version, schedExt))

const image = (version: string) => bzImage(gzipSync(vmlinux(["sched_ext_ops"])), { version })

describe("KernelResolver", () => {
  it.live("takes --kernel before the variables, and those before the cache", () =>
    setting({ KTSTR_TEST_KERNEL: "ROOT/test", KTSTR_KERNEL: "7.1" }, ({ root, cache, resolver }) =>
      Effect.gen(function* () {
        yield* store(cache, "7.1.0-amd64")
        writeFileSync(join(root, "named"), image("6.13.0"))
        writeFileSync(join(root, "test"), image("6.14.0"))
        expect(yield* resolver.resolve(join(root, "named"))).toMatchObject({ version: "6.13.0", origin: "--kernel" })
        expect(yield* resolver.resolve(undefined)).toMatchObject({ version: "6.14.0", origin: "KTSTR_TEST_KERNEL" })
      })
    )
  )

  it.live("takes KTSTR_KERNEL as key, version or build tree", () =>
    setting({ KTSTR_KERNEL: "ROOT/tree" }, ({ root, cache, resolver }) =>
      Effect.gen(function* () {
        mkdirSync(join(root, "tree/arch/x86/boot"), { recursive: true })
        const missing = yield* Effect.flip(resolver.resolve(undefined))
        expect(missing.message).toContain("it has neither arch/x86/boot/bzImage nor")
        writeFileSync(join(root, "tree/arch/x86/boot/bzImage"), image("6.16.0"))
        expect(yield* resolver.resolve(undefined)).toMatchObject({ version: "6.16.0", origin: "KTSTR_KERNEL" })
        yield* store(cache, "7.3.4+deb13-amd64")
        yield* store(cache, "7.30.1-amd64")
        yield* store(cache, "7.3.12+deb13-amd64")
        const version = (name: string) => Effect.map(resolver.resolve(name), (kernel) => kernel.version)
        expect(yield* version("7.3.4+deb13-amd64-distro-x86_64")).toBe("7.3.4+deb13-amd64")
        expect(yield* version("7.3")).toBe("7.3.12+deb13-amd64")
      })
    )
  )

  it.live("falls back to the newest cached kernel with sched_ext", () =>
    setting({}, ({ cache, resolver }) =>
      Effect.gen(function* () {
        yield* store(cache, "7.2.0-amd64")
        yield* Effect.sleep("5 millis")
        const newest = yield* store(cache, "7.3.0-amd64")
        yield* Effect.sleep("5 millis")
        yield* store(cache, "6.1.0-amd64", false)
        expect(yield* resolver.resolve(undefined)).toEqual({
          image: newest.image,
          vmlinux: newest.vmlinux,
          version: "7.3.0-amd64",
          key: "7.3.0-amd64-distro-x86_64",
          origin: "cache",
          label: "kernel_distro_7_3_0_amd64",
          schedExt: true
        })
      })
    )
  )

  it.live("prefers what was built with the current fragment, and what others built to what has an old one", () =>
    setting({}, ({ cache, resolver }) =>
      Effect.gen(function* () {
        const build = (version: string, kconfigHash: string) =>
          cache.store({ ...storeInput(version), key: `${version}-${kconfigHash}`, kconfigHash })
        const now = Effect.map(
          Effect.provideService(resolver.resolve(undefined), CurrentFragment, "new"),
          ({ key }) => key
        )
        yield* store(cache, "6.1.0", false)
        yield* build("7.4.0", "old")
        expect(yield* now).toBe("7.4.0-old")
        yield* store(cache, "7.3.0")
        expect(yield* now).toBe("7.3.0-distro-x86_64")
        yield* build("7.1.0", "new")
        yield* build("7.2.0", "new")
        expect(yield* now).toBe("7.2.0-new")
        yield* Effect.sleep("5 millis")
        yield* cache.store({ ...storeInput("7.2.0"), key: "7.2.0-later", kconfigHash: "new" })
        expect(yield* now).toBe("7.2.0-later")
      })
    )
  )

  it.live("takes of several kernels of one version the one with sched_ext, and knows it for the other", () =>
    setting({}, ({ cache, resolver }) =>
      Effect.gen(function* () {
        const key = (name: string) => Effect.map(resolver.resolve(name), (kernel) => kernel.key)
        const without = yield* store(cache, "6.12.117+deb12-amd64", false)
        expect(yield* resolver.resolve("6.12")).toMatchObject({
          key: without.key,
          schedExt: false,
          schedExtAlternative: undefined
        })
        const other = yield* store(cache, "7.3.4+deb13-amd64")
        expect((yield* resolver.resolve("6.12.117")).schedExtAlternative).toBe(other.key)
        const built = yield* store(cache, "6.12.117")
        yield* store(cache, "6.12.90")
        for (const name of ["6.12.117", "6.12"]) expect(yield* key(name)).toBe(built.key)
        // Named exactly, it is taken as it is.
        for (const name of ["6.12.117+deb12-amd64", without.key]) {
          expect(yield* resolver.resolve(name)).toMatchObject({ key: without.key, schedExtAlternative: built.key })
        }
        expect(yield* resolver.resolve("6.12.117")).not.toHaveProperty("instead")
      })
    )
  )

  it.live("never replaces what was named, and suggests what is near", () =>
    setting({}, ({ root, cache, resolver }) =>
      Effect.gen(function* () {
        const empty = yield* Effect.flip(resolver.resolve("7.9"))
        expect(empty.message).toContain("`ktstr kernel fetch` fills it")
        const entry = yield* store(cache, "7.3.0-amd64")
        const error = yield* Effect.flip(resolver.resolve("7.3.0-amd64-distro-x86-64"))
        expect(error.reason).toBe("Named")
        expect(error.message).toContain("did you mean '7.3.0-amd64-distro-x86_64'?")
        for (const absent of ["8.0", "7.3.1", join(root, "nothing"), "", "./nothing"]) {
          expect((yield* Effect.flip(resolver.resolve(absent))).reason).toBe("Named")
        }
        rmSync(entry.image)
        const corrupt = yield* Effect.flip(resolver.resolve("7.3.0-amd64-distro-x86_64"))
        expect(corrupt.message).toContain("is corrupt (metadata.json names bzImage, which is not there)")
      })
    )
  )

  it.live("refuses files that are no kernels, naming them", () =>
    setting({ KTSTR_TEST_KERNEL: "ROOT/cut" }, ({ root, resolver }) =>
      Effect.gen(function* () {
        writeFileSync(join(root, "text"), "hello\n")
        const whole = image("6.12.0")
        writeFileSync(join(root, "cut"), whole.subarray(0, whole.length - 40))
        const text = yield* Effect.flip(resolver.resolve(join(root, "text")))
        expect(text.message).toMatch(
          new RegExp(`^${root}/text is not a kernel image: no boot sector signature at 0x1fe`)
        )
        const cut = yield* Effect.flip(resolver.resolve(undefined))
        expect(cut).toMatchObject({
          reason: "Named",
          message: `${root}/cut is truncated: its header promises ${whole.length} bytes, the file has ${whole.length - 40}`
        })
      })
    )
  )

  it.live("unpacks the ELF of an image outside the cache once, and does without it when it can't", () =>
    setting({}, ({ root, resolver }) =>
      Effect.gen(function* () {
        const file = join(root, "bzImage")
        writeFileSync(file, image("6.12.0"))
        const first = yield* resolver.resolve(file)
        expect(first.vmlinux).toMatch(/\/cache\/\.images\/[0-9a-f]{64}\.vmlinux$/)
        expect((yield* resolver.resolve(file)).vmlinux).toBe(first.vmlinux)
        expect(readdirSync(join(root, "cache/.images"))).toHaveLength(1)
        expect(first.label).toMatch(/^kernel_path_bzImage_[0-9a-f]{6}$/)
        rmSync(join(root, "cache"), { recursive: true })
        writeFileSync(join(root, "cache"), "no directory")
        expect(yield* resolver.resolve(file)).toMatchObject({ image: file, vmlinux: undefined })
        writeFileSync(join(root, "elf"), vmlinux([]))
        expect(yield* resolver.resolve(join(root, "elf"))).toMatchObject({ vmlinux: join(root, "elf") })
      })
    )
  )

  const build = (release: string, number = 1) => {
    const banner = `Linux version ${release} (me@here) (gcc (Debian) 12) #${number} SMP\n`
    return {
      elf: vmlinux([banner]),
      image: bzImage(gzipSync(vmlinux([banner])), { version: `${release} (me@here) #${number} SMP` })
    }
  }

  it.live("unpacks an image outside the cache again when the ELF in the cache is another kernel's", () =>
    setting({}, ({ root, resolver }) =>
      Effect.gen(function* () {
        const file = join(root, "bzImage")
        const { elf, image } = build("6.12.0")
        writeFileSync(file, image)
        const { vmlinux: cached } = yield* resolver.resolve(file)
        expect(readFileSync(cached!).equals(elf)).toBe(true)
        // A kernel each, but not this one's.
        for (const other of [build("6.13.0").elf, build("6.12.0", 2).elf, vmlinux([])]) {
          writeFileSync(cached!, other)
          expect((yield* resolver.resolve(file)).vmlinux).toBe(cached)
          expect(readFileSync(cached!).equals(elf)).toBe(true)
        }
        // An own one is left as it is.
        writeFileSync(cached!, Buffer.concat([elf, Buffer.from("more")]))
        yield* resolver.resolve(file)
        expect(readFileSync(cached!).length).toBe(elf.length + 4)
      })
    )
  )

  it.live("refuses an image whose header and payload are of two kernels", () =>
    setting({}, ({ root, resolver }) =>
      Effect.gen(function* () {
        const file = join(root, "bzImage")
        writeFileSync(file, bzImage(gzipSync(build("6.13.0").elf), { version: "6.12.0 (me@here) #1 SMP" }))
        expect(yield* Effect.flip(resolver.resolve(file))).toMatchObject({
          _tag: "KernelError",
          reason: "Named",
          message: `${file} is put together of two kernels: its header says 6.12.0, what it unpacks to says 6.13.0; give an image as its build left it`
        })
      })
    )
  )

  it.live("asks the source that accepts the name", () => {
    const asked: Array<string | undefined> = []
    const source = (cache: () => KernelCache["Type"]): KernelSource => ({
      name: "distro",
      accepts: (spec) => spec.startsWith("distro:"),
      fetch: ({ spec }) => {
        asked.push(spec)
        return store(cache(), "7.3.0-amd64")
      }
    })
    let made: KernelCache["Type"] | undefined
    return setting(
      {},
      ({ cache, resolver }) =>
        Effect.gen(function* () {
          made = cache
          expect(yield* resolver.resolve("distro:trixie/linux-*")).toMatchObject({ key: "7.3.0-amd64-distro-x86_64" })
          expect(asked).toEqual(["distro:trixie/linux-*"])
        }),
      [source(() => made as KernelCache["Type"])]
    )
  })

  it.live("asks the source of a name such as lab-2:FOLDER/NAME, whose prefix is any word", () => {
    let made: KernelCache["Type"] | undefined
    const lab: KernelSource = {
      name: "lab-2",
      accepts: (spec) => spec.startsWith("lab-2:"),
      fetch: () => store(made as KernelCache["Type"], "7.3.0-amd64")
    }
    return setting(
      {},
      ({ cache, resolver }) =>
        Effect.gen(function* () {
          made = cache
          expect(yield* resolver.resolve("lab-2:builds/tonight")).toMatchObject({ key: "7.3.0-amd64-distro-x86_64" })
        }),
      [lab]
    )
  })

  it.live("says which source of a third party failed and how, whatever it fails with", () => {
    const broken = (name: string, functions: object) =>
      ({
        name,
        accepts: (spec: string) => spec.startsWith(`${name}:`),
        fetch: () => Effect.die("unused"),
        ...functions
      }) as KernelSource
    const fails = (with_: unknown) => ({ fetch: () => with_ })
    const cases: ReadonlyArray<readonly [string, object, string, string]> = [
      ["foreign", fails(Effect.fail(new TypeError("odd"))), "fetch", "TypeError: odd"],
      ["tagged", fails(Effect.fail({ _tag: "KernelError", reason: "Odd", message: "odd" })), "fetch", "odd"],
      ["dies", fails(Effect.die("dead")), "fetch", "threw 'dead'"],
      ["none", fails(undefined), "fetch", "it returned no Effect"],
      [
        "junk",
        fails(Effect.succeed({ key: "k", image: "i" })),
        "fetch",
        "it returned a cache entry without `metadata.version`"
      ],
      ["opens", { open: () => Effect.succeed(3) }, "open", "it returned no kernel: `image` or `version` is no text"],
      ["expands", { expand: () => Effect.succeed("x") }, "expand", "it returned no list of texts"],
      ["dies-expanding", { expand: () => Effect.die(new Error("e")) }, "expand", "e"]
    ]
    const throwing = {
      name: "picky",
      accepts: (spec: string) => {
        if (spec === "x:") throw new Error("no thanks")
        return false
      },
      fetch: () => Effect.die("unused")
    }
    return setting(
      {},
      ({ resolver }) =>
        Effect.gen(function* () {
          for (const [name, , member, how] of cases) {
            const error = yield* Effect.flip(resolver.resolveAll([`${name}:1`]))
            expect(error).toMatchObject({ _tag: "KernelError", reason: "Build" })
            // Behind it, the place in this file.
            const said = error.message.replace(/ \(\/.*\)$/, "")
            expect(said).toBe(`the kernel source '${name}' failed in \`${member}\`: ${how}`)
          }
          const error = yield* Effect.flip(resolver.resolve("x:"))
          expect(error.message).toMatch(/^the kernel source 'picky' failed in `accepts`: no thanks/)
        }),
      [throwing, ...cases.map(([name, functions]) => broken(name, functions))]
    )
  })

  it.live("takes a version from the cache before it asks a source, and several at once with their ranges", () => {
    const asked: Array<string | undefined> = []
    let cache: KernelCache["Type"] | undefined
    let working = 0
    let most = 0
    const source: KernelSource = {
      name: "kernel.org",
      accepts: (spec) => /^[0-9]/.test(spec),
      expand: (spec) => Effect.succeed(spec === "7.1..7.2" ? ["7.1.9", "7.2.9"] : [spec]),
      fetch: ({ spec }) =>
        Effect.gen(function* () {
          asked.push(spec)
          if (spec === "7.8.1") {
            // Later than the other's failure: the order is that of the names.
            yield* Effect.sleep("20 millis")
            return yield* new KernelError({ reason: "Fetch", message: "fetch 7.8.1: HTTP 503" })
          }
          if (spec === "9.9.9") return yield* new KernelError({ reason: "Named", message: "version 9.9.9 not found" })
          working++
          most = Math.max(most, working)
          // Until two are at work, or it shows that they never will be.
          for (let waited = 0; most < 2 && waited < 5000; waited += 10) yield* Effect.sleep("10 millis")
          working--
          return yield* store(cache as KernelCache["Type"], `${spec}`)
        })
    }
    return setting(
      { KTSTR_KERNEL_PARALLELISM: "2" },
      (services) =>
        Effect.gen(function* () {
          cache = services.cache
          const { resolver } = services
          yield* store(cache, "7.3.4")
          const kernels = yield* resolver.resolveAll(["7.3", "7.1..7.2", "7.2.9", "7.0.8"])
          expect(kernels.map(({ version }) => version)).toEqual(["7.3.4", "7.1.9", "7.2.9", "7.0.8"])
          expect([...asked].sort()).toEqual(["7.0.8", "7.1.9", "7.2.9"])
          expect(most).toBe(2)
          expect((yield* resolver.resolveAll([])).map(({ version }) => version)).toEqual(["7.3.4"])
          const error = yield* Effect.flip(resolver.resolveAll(["7.3", "9.9.9"]))
          expect(error.message).toBe("version 9.9.9 not found")
          asked.length = 0
          const both = yield* Effect.flip(resolver.resolveAll(["9.9.9", "7.0.9", "7.8.1"]))
          // What is on its way still arrives, so that the next time it is there.
          expect(both.message).toMatch(
            /^version 9\.9\.9 not found\nno kernel '7\.8\.1' given .*: fetch 7\.8\.1: HTTP 503$/
          )
          expect(both.reason).toBe("Named")
          expect((yield* resolver.resolve("7.0.9")).version).toBe("7.0.9")
          expect([...asked].sort()).toEqual(["7.0.9", "7.8.1", "9.9.9"])
          asked.length = 0
          const mistyped = yield* Effect.flip(resolver.resolveAll(["7.8.1", "/nowhere/bzImage", "no-such-key"]))
          expect(mistyped.message.split("\n")).toEqual([
            expect.stringContaining("'/nowhere/bzImage' given by --kernel does not exist"),
            expect.stringContaining("no kernel 'no-such-key' given by --kernel")
          ])
          expect(asked).toEqual([])
        }),
      [source]
    )
  })

  it.live("says what the cache has before it says that a source was asked in vain", () => {
    const vain = new KernelError({ reason: "Fetch", message: "fetch https://example.org: no network" })
    const source: KernelSource = {
      name: "kernel.org",
      accepts: (spec) => /^[0-9]/.test(spec),
      expand: (spec) => (spec.includes("..") ? Effect.fail(vain) : Effect.succeed([spec])),
      fetch: ({ spec }) =>
        Effect.fail(spec === "9.8" ? new KernelError({ reason: "Build", message: "no compiler" }) : vain)
    }
    return setting(
      { KTSTR_KERNEL: "9.9" },
      ({ cache, resolver }) =>
        Effect.gen(function* () {
          const said = (has: string, text = "9.9", origin = "--kernel") => ({
            reason: "Fetch",
            message: `no kernel '${text}' given by ${origin} on this machine (${has}), and kernel.org was asked in vain: fetch https://example.org: no network`
          })
          const failure = (name: string) => Effect.flip(resolver.resolveAll([name]))
          expect(yield* failure("9.9")).toMatchObject(said("the cache is empty"))
          yield* store(cache, "7.9.1")
          yield* store(cache, "7.10.1")
          expect(yield* failure("9.9")).toMatchObject(said("the cache has 7.10.1, 7.9.1"))
          expect(yield* failure("9.1..9.3")).toMatchObject(said("the cache has 7.10.1, 7.9.1", "9.1..9.3"))
          const variable = yield* Effect.flip(resolver.resolve(undefined))
          expect(variable).toMatchObject(said("the cache has 7.10.1, 7.9.1", "9.9", "KTSTR_KERNEL"))
          for (const patch of [1, 2, 3, 4, 5]) yield* store(cache, `6.12.${patch}`)
          const few = said("the cache has 7.10.1, 7.9.1, 6.12.5, 6.12.4, 6.12.3 and 2 more")
          expect(yield* failure("9.9")).toMatchObject(few)
          // What another kernel of the cache does not help with is said as it is.
          expect(yield* failure("9.8")).toMatchObject({ reason: "Build", message: "no compiler" })
        }),
      [source]
    )
  })

  it.live("takes a kernel with two names once, and gives kernels that share a label different ones", () =>
    setting({}, ({ root, cache, resolver }) =>
      Effect.gen(function* () {
        const entry = yield* store(cache, "7.3.4")
        const other = yield* cache.store({
          ...storeInput("7.3.4"),
          key: "7.3.4-defconfig",
          label: entry.metadata.label
        })
        writeFileSync(join(root, "bzImage"), image("6.16.0"))
        const kernels = yield* resolver.resolveAll([entry.key, "7.3.4-distro-x86_64", other.key, join(root, "bzImage")])
        expect(kernels.map(({ image }) => image)).toEqual([entry.image, other.image, join(root, "bzImage")])
        expect(kernels.map(({ label }) => label)).toEqual([
          "kernel_distro_7_3_4",
          "kernel_distro_7_3_4_2",
          expect.stringMatching(/^kernel_path_bzImage_[0-9a-f]{6}$/)
        ])
      })
    )
  )

  it.live(
    "goes from built trees beside the working directory to the machine's own kernels, past what is no kernel",
    () =>
      setting({}, ({ root, cache, resolver }) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const before = process.cwd()
            mkdirSync(join(root, "work"))
            process.chdir(join(root, "work"))
            return before
          }),
          () =>
            Effect.gen(function* () {
              const nothing = yield* Effect.flip(resolver.resolve(undefined))
              expect(nothing.reason).toBe("NotFound")
              expect(nothing.message).toBe(
                [
                  "no kernel found",
                  "  hint: set KTSTR_KERNEL to a kernel source directory, a version (e.g. `6.14.2`), or a cache key (see `ktstr kernel list`), or run `ktstr kernel fetch` to populate the cache",
                  "  hint: or set KTSTR_TEST_KERNEL=/path/to/bzImage to point at a pre-built bootable image directly (bypasses KTSTR_KERNEL resolution)"
                ].join("\n")
              )
              const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()
              // Least wanted first: each that comes is taken before those that were there.
              const places = [
                ["/boot/vmlinuz", "boot/vmlinuz"],
                [`/boot/vmlinuz-${release}`, `boot/vmlinuz-${release}`],
                [`/lib/modules/${release}/vmlinuz`, `lib/modules/${release}/vmlinuz`],
                [
                  `/lib/modules/${release}/build/arch/x86/boot/bzImage`,
                  `lib/modules/${release}/build/arch/x86/boot/bzImage`
                ],
                ["../linux/arch/x86/boot/bzImage", "linux/arch/x86/boot/bzImage"],
                ["linux/arch/x86/boot/bzImage", "work/linux/arch/x86/boot/bzImage"]
              ] as const
              for (const [index, [origin, file]] of places.entries()) {
                mkdirSync(join(root, file, ".."), { recursive: true })
                writeFileSync(join(root, file), "no kernel")
                if (index > 0) {
                  expect(yield* resolver.resolve(undefined)).toMatchObject({ version: `6.1.${index - 1}` })
                }
                writeFileSync(join(root, file), image(`6.1.${index}`))
                expect(yield* resolver.resolve(undefined)).toMatchObject({ version: `6.1.${index}`, origin })
              }
              yield* store(cache, "6.0.9", false)
              expect(yield* resolver.resolve(undefined)).toMatchObject({ version: "6.0.9", origin: "cache" })
            }),
          (before) => Effect.sync(() => process.chdir(before))
        )
      )
  )

  it.live("gives the reference page's message for HOME where only the cache could answer", () =>
    setting({ KTSTR_CACHE_DIR: "", HOME: "" }, ({ root, resolver }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(resolver.resolve(undefined))
        expect(error.message).toMatch(/^HOME is set to the empty string; cannot resolve cache directory\./)
        writeFileSync(join(root, "bzImage"), image("6.12.0"))
        expect((yield* resolver.resolve(join(root, "bzImage"))).version).toBe("6.12.0")
      })
    )
  )
})
