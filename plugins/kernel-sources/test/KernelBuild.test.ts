import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { layerKernelCache, layerRemoteCaches } from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer } from "effect"
import { buildKernel } from "../src/build/KernelBuild.ts"
import { findSource } from "../src/build/SourceTree.ts"

const layer = Layer.provideMerge(Layer.merge(layerKernelCache, layerRemoteCaches), NodeContext.layer)

/** A folder for one test, with a cache in it; `path` is the PATH that tools are looked for in. */
const inScratch = <A, E>(
  body: (scratch: string) => Effect.Effect<A, E, Layer.Layer.Success<typeof layer>>,
  path = process.env.PATH ?? ""
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-build-"))),
    (scratch) => {
      const variables = new Map([
        ["KTSTR_CACHE_DIR", join(scratch, "cache")],
        ["PATH", path]
      ])
      return body(scratch).pipe(Effect.provide(layer), Effect.withConfigProvider(ConfigProvider.fromMap(variables)))
    },
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true }))
  )

const git = (directory: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-C", directory, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { stdio: "pipe" })

/** What a kernel tree has at least: a Makefile that does not know a single target. */
const fakeTree = (directory: string) => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "Kbuild"), "")
  writeFileSync(join(directory, "Makefile"), "nothing:\n")
}

describe("findSource", () => {
  it.live("tells tarballs apart by what they hold, not by their names", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const files = ["a.tar.xz", "b.tar.xz", "c.tar.xz"].map((name) => join(scratch, name))
        writeFileSync(files[0]!, "one".repeat(1_000_000))
        writeFileSync(files[1]!, "one".repeat(1_000_000))
        writeFileSync(files[2]!, `${"one".repeat(999_999)}two`)
        const found = yield* Effect.forEach(files, (file) => findSource(file))
        expect(found.map(({ kind, stable }) => [kind, stable])).toEqual(Array(3).fill(["tarball", true]))
        expect(found[0]!.identity).toBe(found[1]!.identity)
        expect(found[0]!.identity).not.toBe(found[2]!.identity)
      })
    )
  )

  it.live("takes a tree as stable only while git sees no change", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        fakeTree(tree)
        expect((yield* findSource(tree)).stable).toBe(false)
        git(tree, "init", "-q")
        git(tree, "add", ".")
        git(tree, "commit", "-qm", "one")
        const clean = yield* findSource(tree)
        expect(clean).toMatchObject({ kind: "tree", stable: true, path: tree })
        expect(clean.identity).toBe(git(tree, "rev-parse", "HEAD").toString().slice(0, 12))
        writeFileSync(join(tree, "Makefile"), "other:\n")
        expect((yield* findSource(tree)).stable).toBe(false)
      })
    )
  )

  it.live("refuses what is no source in one line", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        writeFileSync(join(scratch, "notes.txt"), "")
        const message = (text: string) => Effect.map(Effect.flip(findSource(text)), (error) => error.message)
        expect(yield* message(scratch)).toBe(`--source '${scratch}' is no kernel tree: it has no Kbuild`)
        expect(yield* message(join(scratch, "notes.txt"))).toContain("is neither a directory nor a tarball")
        expect(yield* message(join(scratch, "absent.tar.xz"))).toMatch(
          /absent\.tar\.xz' does not exist: give a kernel tree or a source tarball$/
        )
      })
    )
  )
})

describe("buildKernel", () => {
  it.live("names the tools that are missing and the line that installs them", () =>
    inScratch(
      (scratch) =>
        Effect.gen(function* () {
          fakeTree(join(scratch, "linux"))
          const error = yield* Effect.flip(buildKernel({ source: join(scratch, "linux") }))
          expect(error.reason).toBe("Unsupported")
          expect(error.message).toMatch(
            /^building a kernel needs gcc, make, flex.* apt-get install -y --no-install-recommends gcc make flex/
          )
          expect(error.message).toMatch(/ flex bison bc lz4 xz-utils binutils pahole\b/)
        }),
      "/nonexistent"
    )
  )

  it.live("refuses a tarball without a kernel, and leaves nothing behind", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        mkdirSync(join(scratch, "other"))
        writeFileSync(join(scratch, "other/file"), "")
        const tarball = join(scratch, "other.tar")
        execFileSync("tar", ["-C", scratch, "-cf", tarball, "other"])
        const error = yield* Effect.flip(buildKernel({ source: tarball }))
        expect(error.message).toContain("is no kernel source: it has 0 directories with a Kbuild")
        expect(readdirSync(join(scratch, "cache")).filter((name) => name.startsWith(".build-"))).toEqual([])
      })
    )
  )

  it.live("says what make complained of", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        fakeTree(join(scratch, "linux"))
        const error = yield* Effect.flip(buildKernel({ source: join(scratch, "linux") }))
        expect(error.reason).toBe("Build")
        expect(error.message).toMatch(/make tinyconfig in .* failed: .*No rule to make target/)
      })
    )
  )
})
