import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import fc from "fast-check"
import { elfDynamic, elfSections } from "../../src/image/Elf.ts"
import { programNeeds } from "../../src/image/ElfDeps.ts"

const needs = (file: string, options?: Parameters<typeof programNeeds>[1]) =>
  Effect.provide(programNeeds([file], options), NodeContext.layer)

const inFolder = <A, E>(body: (root: string) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-elf-"))),
    body,
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const gcc = (...args: ReadonlyArray<string>): void => {
  const done = spawnSync("gcc", args, { encoding: "utf8" })
  if (done.status !== 0) throw new Error(done.stderr)
}

/** A program that needs libouter, which needs libinner; each in a directory of its own. */
const build = (root: string, programFlags: ReadonlyArray<string>, outerFlags: ReadonlyArray<string>): string => {
  for (const directory of ["outer", "inner"]) mkdirSync(join(root, directory))
  writeFileSync(join(root, "inner.c"), "int inner(void) { return 1; }")
  writeFileSync(join(root, "outer.c"), "int inner(void); int outer(void) { return inner(); }")
  writeFileSync(join(root, "main.c"), "int outer(void); int main(void) { return outer(); }")
  gcc("-shared", "-fPIC", "-o", join(root, "inner/libinner.so"), join(root, "inner.c"), "-Wl,-soname,libinner.so")
  gcc(
    ...["-shared", "-fPIC", "-o", join(root, "outer/libouter.so"), join(root, "outer.c"), "-Wl,-soname,libouter.so"],
    ...[`-L${root}/inner`, "-linner", ...outerFlags]
  )
  const program = join(root, "program")
  gcc(
    "-o",
    program,
    join(root, "main.c"),
    `-L${root}/outer`,
    "-louter",
    `-Wl,-rpath-link,${root}/inner`,
    ...programFlags
  )
  return program
}

describe("programNeeds", () => {
  it.effect("finds the libraries that ld.so finds", () =>
    Effect.gen(function* () {
      const program = process.execPath
      const listed = spawnSync("ldd", [program], { encoding: "utf8" }).stdout
      const expected = [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => basename(match[1] ?? ""))
      const found = yield* needs(program)
      expect(found.files.map((file) => basename(file)).sort()).toEqual(expected.sort())
      expect(found.linkDirectory).toMatch(/^\/(usr\/)?lib/)
    })
  )

  it.live("follows RUNPATH with $ORIGIN of each object", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const program = build(
          root,
          ["-Wl,--enable-new-dtags,-rpath,$ORIGIN/outer"],
          ["-Wl,--enable-new-dtags,-rpath,$ORIGIN/../inner"]
        )
        const own = (yield* needs(program)).files.filter((file) => file.startsWith(root))
        expect(own).toEqual([join(root, "inner/libinner.so"), join(root, "outer/libouter.so")])
      })
    )
  )

  it.live("hands RPATH down to libraries, RUNPATH not; names what is missing and who wants it", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const rpath = `-rpath,${root}/outer:${root}/inner`
        const program = build(root, [`-Wl,--disable-new-dtags,${rpath}`], [])
        expect((yield* needs(program)).files).toContain(join(root, "inner/libinner.so"))
        gcc("-o", program, join(root, "main.c"), `-L${root}/outer`, "-louter", `-Wl,--enable-new-dtags,${rpath}`)
        const error = yield* Effect.flip(needs(program))
        expect(error).toMatchObject({ missing: "libinner.so", file: join(root, "outer/libouter.so") })
        expect(error.message).toBe(
          `library libinner.so, needed by ${root}/outer/libouter.so, was not found: install its package, or set the RUNPATH of libouter.so`
        )
      })
    )
  )

  it.live("reads ld.so.conf with its includes and tells such libraries apart", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const program = build(root, [], [])
        mkdirSync(join(root, "conf.d"))
        writeFileSync(join(root, "ld.so.conf"), "# local\ninclude conf.d/*.conf\n")
        writeFileSync(join(root, "conf.d/a.conf"), `${root}/outer\n`)
        writeFileSync(join(root, "conf.d/b.conf"), `${root}/inner # why\n`)
        writeFileSync(join(root, "conf.d/c.txt"), "/nowhere\n")
        const found = yield* needs(program, { ldSoConf: join(root, "ld.so.conf") })
        expect(found.configured).toEqual([join(root, "inner/libinner.so"), join(root, "outer/libouter.so")])
      })
    )
  )

  it.live("follows the interpreter of scripts, and takes other files as they are", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const script = join(root, "script")
        writeFileSync(script, "#! /bin/sh -e\necho hello\n")
        expect((yield* needs(script)).files).toContain("/bin/sh")
        expect((yield* needs(script, { provided: new Set(["/bin/sh"]) })).files).toEqual([])
        writeFileSync(script, "#!/no/such/interpreter\n")
        expect((yield* Effect.flip(needs(script))).message).toBe(
          `interpreter /no/such/interpreter of the script ${script} does not exist`
        )
        writeFileSync(script, "plain text")
        expect(yield* needs(script)).toEqual({ files: [], configured: [], linkDirectory: undefined })
        gcc("-static", "-o", join(root, "static"), "-x", "c", "/dev/null", "-nostdlib", "-Wl,-e,0", "-Wl,--build-id")
        expect((yield* needs(join(root, "static"))).files).toEqual([])
      })
    )
  )
})

describe("Elf", () => {
  it("never throws on damaged files", () => {
    const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const bytes = new Uint8Array([...magic, ...noise])
        expect(Either.isEither(elfDynamic(bytes)) && Either.isEither(elfSections(bytes))).toBe(true)
      })
    )
  })
})
