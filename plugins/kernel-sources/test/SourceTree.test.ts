import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { KernelResolver } from "@ktstr/core"
import { KernelCache } from "@ktstr/core/kernel"
import { Effect } from "effect"
import { buildKernel } from "../src/build/KernelBuild.ts"
import { findSource } from "../src/build/SourceTree.ts"
import { commitTree, git, inScratch, release, writeTree } from "./kernelTree.ts"

/** All that is in a tree, with times: nothing of it may be another afterwards. */
const listing = (directory: string): string =>
  execFileSync("find", [directory, "-printf", "%P %y %m %s %T@ %C@\\n"])
    .toString()
    .split("\n")
    .filter((line) => !line.startsWith(".git"))
    .sort()
    .join("\n")

const resolve = (named: string) => Effect.flatMap(KernelResolver, ({ resolve }) => resolve(named))

const keys = Effect.flatMap(KernelCache, ({ list }) =>
  Effect.map(list, (entries) =>
    entries.map((found) => (found._tag === "Valid" ? found.entry.key : `corrupt ${found.key}`))
  )
)

describe("a tree as --kernel", () => {
  it.live("is built once and cached when it is a clean commit, and stays as it is", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        writeTree(tree)
        const head = commitTree(tree)
        const before = listing(tree)
        const index = statSync(join(tree, ".git/index")).mtimeMs
        const first = yield* resolve(tree)
        expect(first.label).toMatch(/^kernel_path_linux_[0-9a-f]{6}$/)
        expect(first).toMatchObject({ version: release, schedExt: true, origin: "--kernel" })
        expect(first.key).toContain(head.slice(0, 12))
        expect(yield* resolve(tree)).toEqual(first)
        expect(yield* keys).toEqual([first.key])
        expect(listing(tree)).toBe(before)
        expect(statSync(join(tree, ".git/index")).mtimeMs).toBe(index)
      })
    )
  )

  it.live("is built anew each time and never cached when it was changed, with _dirty in its label", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        writeTree(tree)
        commitTree(tree)
        const clean = yield* findSource(tree)
        writeTree(`${tree}.2`, "6.12.35-changed")
        renameSync(join(`${tree}.2`, "image.bin"), join(tree, "image.bin"))
        writeFileSync(join(tree, "release"), "6.12.35-changed\n")
        const kernel = yield* resolve(tree)
        expect(kernel.label).toBe(`${clean.label}_dirty`)
        expect(kernel).toMatchObject({ version: "6.12.35-changed", key: undefined })
        expect(readFileSync(kernel.image).equals(readFileSync(join(tree, "image.bin")))).toBe(true)
        expect(existsSync(kernel.vmlinux!)).toBe(true)
        expect(yield* keys).toEqual([])
        git(tree, "checkout", "-q", ".")
        expect((yield* resolve(tree)).label).toBe(clean.label)
      })
    )
  )

  it.live("is told from another of the same name", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const trees = ["a/linux", "b/linux"].map((name) => join(scratch, name))
        for (const tree of trees) writeTree(tree)
        const [one, two] = yield* Effect.forEach(trees, resolve)
        expect(one?.label).toMatch(/^kernel_path_linux_[0-9a-f]{6}$/)
        expect(two?.label).toMatch(/^kernel_path_linux_[0-9a-f]{6}$/)
        expect(one?.label).not.toBe(two?.label)
        expect(one?.image).not.toBe(two?.image)
      })
    )
  )

  it.live("has none of the commits of a repository it merely lies in", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const outer = join(scratch, "project")
        mkdirSync(outer)
        writeFileSync(join(outer, ".gitignore"), "linux\n")
        commitTree(outer)
        writeTree(join(outer, "linux"))
        expect(yield* findSource(join(outer, "linux"))).toMatchObject({ state: "unknown", stable: false })
      })
    )
  )

  it.live("may have spaces in its path, a build in it, and be read-only", () =>
    inScratch(
      (scratch) =>
        Effect.gen(function* () {
          const tree = join(scratch, "my trees", "linux: next")
          writeTree(tree)
          // What `make` leaves in a tree that it was called in.
          writeFileSync(join(tree, ".config"), "CONFIG_OLD=y\n")
          mkdirSync(join(tree, "include/config"), { recursive: true })
          writeFileSync(join(tree, "init/main.o"), "an object")
          execFileSync("chmod", ["-R", "a-w", tree])
          const before = listing(tree)
          const built = yield* buildKernel({ source: tree })
          expect(built).toMatchObject({ _tag: "Uncached", version: release })
          expect(built.source.label).toMatch(/^kernel_path_linux_next_[0-9a-f]{6}$/)
          expect(listing(tree)).toBe(before)
          execFileSync("chmod", ["-R", "u+w", tree])
        }),
      "a cache: with spaces"
    )
  )

  it.live("that was built in itself is copied, without its objects, and editors are told of the original", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        writeTree(tree)
        writeFileSync(join(tree, ".config"), "CONFIG_OLD=y\n")
        writeFileSync(join(tree, "init/main.o"), "an object")
        const built = yield* buildKernel({ source: tree })
        expect(JSON.parse(readFileSync(built.compileCommands!, "utf8"))).toEqual([
          { directory: expect.stringMatching(/\/objects$/), file: join(tree, "init/main.c") }
        ])
        const copied = join(built.compileCommands!, "../../source")
        expect(existsSync(join(copied, "init/main.c"))).toBe(true)
        expect(readdirSync(join(copied, "init"))).toEqual(["main.c"])
        expect(existsSync(join(copied, ".config"))).toBe(false)
      })
    )
  )

  it.live("is built on the CPUs that were reserved, and by as many compilers", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        writeTree(tree)
        const built = yield* buildKernel({ source: tree, cpus: [0] })
        const of = (name: string) => readFileSync(join(built.compileCommands!, "..", name), "utf8")
        expect(of("affinity")).toMatch(/affinity list: 0$/m)
        expect(of("flags")).toMatch(/-j1\b/)
        const error = yield* Effect.flip(buildKernel({ source: tree, cpus: [4000, 4001] }))
        expect(error).toMatchObject({ reason: "Named" })
        expect(error.message).toMatch(/^the build can't be kept on CPUs 4000,4001 \(.*\): `ktstr topo` shows those/)
      })
    )
  )

  it.live("that is no kernel's is refused", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(resolve(scratch))
        expect(error).toMatchObject({ reason: "Named" })
        expect(error.message).toContain("it has neither arch/x86/boot/bzImage nor, as a tree to build would, Kbuild")
      })
    )
  )
})

describe("a tarball as --kernel", () => {
  it.live("is built and cached by what it holds", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        writeTree(join(scratch, "linux-6.12.34"))
        const tarball = join(scratch, "linux source.tar.xz")
        execFileSync("tar", ["-C", scratch, "-cJf", tarball, "linux-6.12.34"])
        const kernel = yield* resolve(tarball)
        const { identity } = yield* findSource(tarball)
        expect(kernel).toMatchObject({ version: release, label: `kernel_local_${identity.slice(0, 6)}` })
        expect((yield* resolve(tarball)).key).toBe(kernel.key)
        const left = readdirSync(join(scratch, "cache")).filter((name) => name.startsWith(".") && name !== ".locks")
        expect(left).toEqual([])
      })
    )
  )
})
