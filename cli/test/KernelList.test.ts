import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { KernelCache, layerKernelCache, type StoreInput, toolVersion } from "@ktstr/core/kernel"
import { kernelFragmentHash } from "@ktstr/kernel-sources"
import { ConfigProvider, Effect, Layer, type Scope } from "effect"
import { index, serve, text } from "../../plugins/kernel-sources/test/kernelOrgServer.ts"
import { kernelClean } from "../src/commands/KernelClean.ts"
import { kernelList } from "../src/commands/KernelList.ts"
import type { CommandIo } from "../src/io/CommandIo.ts"
import { parse } from "../src/parse/Arguments.ts"

interface World {
  readonly directory: string
  readonly store: (
    key: string,
    version: string,
    more?: Partial<StoreInput>
  ) => Effect.Effect<{ readonly directory: string }, unknown, Scope.Scope>
  /** What the command wrote on stdout and stderr. */
  readonly run: (
    ...words: ReadonlyArray<string>
  ) => Effect.Effect<{ readonly out: string; readonly err: string }, unknown>
}

/** Many stores wait for the disk, and for a server that is not there it waits three seconds. */

/** A cache of its own and a kernel.org at `base`. */
const world = <A, E>(base: string, body: (world: World) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-list-"))),
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  ).pipe(
    Effect.flatMap((directory) => {
      const store = (key: string, version: string, more: Partial<StoreInput> = {}) =>
        Effect.flatMap(KernelCache, (cache) =>
          cache.store({
            key,
            version,
            label: `kernel_${key}`,
            source: { type: "kernel.org", description: `linux-${version}`, spec: `kernel.org:${version}` },
            schedExt: true,
            image: new Uint8Array(2048),
            vmlinux: { _tag: "Absent", reason: "of the test" },
            ...more
          })
        ).pipe(Effect.provide(Layer.provideMerge(layerKernelCache, NodeContext.layer)))
      const run = (...words: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const said = { out: "", err: "" }
          const stream = (name: "out" | "err") => ({
            terminal: false,
            color: false,
            columns: 80,
            write: (part: string) =>
              Effect.sync(() => {
                said[name] += part
              })
          })
          const io: CommandIo = { out: stream("out"), err: stream("err"), signalled: () => 130 }
          const invocation = yield* parse(["kernel", ...words])
          if (invocation.command === "kernel list") yield* kernelList(invocation, io)
          else if (invocation.command === "kernel clean") yield* kernelClean(invocation, io)
          else return yield* Effect.dieMessage(invocation.command)
          return said
        })
      const variables = { KTSTR_CACHE_DIR: directory, KTSTR_KERNEL_ORG: base, PATH: process.env.PATH ?? "" }
      return Effect.withConfigProvider(
        body({ directory, store, run }),
        ConfigProvider.fromMap(new Map(Object.entries(variables)))
      )
    })
  )

const nowhere = "http://127.0.0.1:1"

const damages: Readonly<Record<string, (at: string, metadata: string) => void>> = {
  missing: (at) => rmSync(join(at, "metadata.json")),
  unreadable: (at) => {
    rmSync(join(at, "metadata.json"))
    mkdirSync(join(at, "metadata.json"))
  },
  schema_drift: (at, metadata) =>
    writeFileSync(join(at, "metadata.json"), metadata.replace(`"schemaVersion": 1`, `"schemaVersion": 9`)),
  malformed: (at, metadata) => writeFileSync(join(at, "metadata.json"), `${metadata.slice(0, 20)},,}`),
  truncated: (at, metadata) => writeFileSync(join(at, "metadata.json"), metadata.slice(0, 100)),
  parse_error: (at) => writeFileSync(join(at, "metadata.json"), "[]"),
  image_missing: (at) => rmSync(join(at, "bzImage")),
  unknown: (at) => {
    rmSync(join(at, "bzImage"))
    symlinkSync("bzImage", join(at, "bzImage"))
  }
}

it.scopedLive("every damage is listed by its token, and cleaned alone; then the two newest are kept", () =>
  world(nowhere, ({ directory, store, run }) =>
    Effect.gen(function* () {
      for (const [kind, damage] of Object.entries(damages)) {
        const { directory: at } = yield* store(kind, "7.3.4", { source: { type: "distro", description: "", spec: "" } })
        damage(at, readFileSync(join(at, "metadata.json"), "utf8"))
      }
      for (const key of ["first", "second", "third"]) {
        yield* store(key, "7.3.4", { source: { type: "distro", description: "", spec: "" } })
        yield* Effect.sleep("3 millis")
      }
      const listed = yield* run("list", "--json")
      const entries = JSON.parse(listed.out).entries as ReadonlyArray<Record<string, unknown>>
      const kinds = entries.flatMap((entry) => (entry.valid === false ? [[entry.key, entry.error_kind]] : []))
      expect(Object.fromEntries(kinds)).toEqual(Object.fromEntries(Object.keys(damages).map((kind) => [kind, kind])))
      for (const { error, valid } of entries) expect(valid === true || typeof error === "string").toBe(true)
      expect(entries.filter(({ valid }) => valid).map(({ key }) => key)).toEqual(["third", "second", "first"])
      expect(listed.err).toMatch(/^warning: entries marked \(corrupt\) cannot be used/)
      expect((yield* run("list")).out.match(/\(corrupt: /g)).toHaveLength(8)
      const cleaned = JSON.parse((yield* run("clean", "--corrupt-only", "--force", "--json")).out)
      expect([...cleaned.removed].sort()).toEqual(Object.keys(damages).sort())
      expect(cleaned.kept).toEqual(["third", "second", "first"])
      expect(JSON.parse((yield* run("clean", "--keep", "2", "--force", "--json")).out)).toMatchObject({
        removed: ["first"],
        kept: ["third", "second"]
      })
      expect(readdirSync(directory).sort()).toEqual([".locks", "second", "third"])
    })
  )
)

it.scopedLive("--verify finds what changed without being written, and cleaning takes it", () =>
  world(nowhere, ({ directory, store, run }) =>
    Effect.gen(function* () {
      const source = { type: "distro", description: "", spec: "" }
      const { directory: at } = yield* store("bad-disk", "7.3.4", { source })
      yield* store("good", "7.3.4", { source })
      writeFileSync(join(at, "bzImage"), new Uint8Array(2048).fill(1))
      yield* Effect.sleep("20 millis")
      utimesSync(join(at, "metadata.json"), new Date(), new Date())
      const kinds = (text: string) =>
        (JSON.parse(text).entries as ReadonlyArray<Record<string, unknown>>).map(({ key, error_kind }) => [
          key,
          error_kind
        ])
      expect(kinds((yield* run("list", "--json")).out)).toEqual([
        ["good", undefined],
        ["bad-disk", undefined]
      ])
      expect(kinds((yield* run("list", "--verify", "--json")).out)).toEqual([
        ["good", undefined],
        ["bad-disk", "unknown"]
      ])
      const { out } = yield* run("clean", "--corrupt-only", "--force")
      expect(out).toMatch(
        /^removed bad-disk \(corrupt: bzImage damaged: it has SHA-256 [0-9a-f]{12}…, metadata\.json says /
      )
      expect(readdirSync(directory).sort()).toEqual([".locks", "good"])
    })
  )
)

it.scopedLive("objects of built trees are told with their size", () =>
  world(nowhere, ({ directory, run }) =>
    Effect.gen(function* () {
      const objects = join(directory, ".objects-abc")
      mkdirSync(objects)
      writeFileSync(join(objects, "vmlinux.o"), new Uint8Array(2 ** 20).fill(1))
      const { err } = yield* run("list")
      expect(err).toContain(`note: ${directory} also has the objects of 1 tree (1.0 MiB), for their next builds; `)
      const json = JSON.parse((yield* run("list", "--json")).out)
      expect(json).toEqual({ directory, entries: [], objects: [{ path: objects, bytes: expect.any(Number) }] })
    })
  )
)

it.scopedLive("entries are marked and explained: stale fragment, stale ktstr, series that ended", () =>
  Effect.gen(function* () {
    const { base, requests } = yield* serve({ "/releases.json": text(index, 200, "application/json") })
    yield* world(base, ({ store, run }) =>
      Effect.gen(function* () {
        const hash = yield* kernelFragmentHash
        yield* store("alive", "7.3.2", { kconfigHash: hash })
        yield* store("ended", "7.2.1", { kconfigHash: hash })
        yield* store("gone", "6.13.4", { kconfigHash: "ab".repeat(32) })
        const old = yield* store("old", "6.12.9", { kconfigHash: hash })
        yield* store("future", "7.6.0-rc1", { kconfigHash: hash })
        yield* store("distro", "6.1.0-amd64", {
          source: { type: "distro", description: "linux-image", spec: "distro:" }
        })
        const file = join(old.directory, "metadata.json")
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace(`"toolVersion": "${toolVersion}"`, `"toolVersion": "0.0.1"`)
        )
        const { out, err } = yield* run("list")
        const marks = Object.fromEntries(
          out
            .split("\n")
            .slice(1, -1)
            .map((line) => [line.split(" ", 1)[0], line.match(/\([^)]*\)/g)?.join("") ?? ""])
        )
        expect(marks).toEqual({
          alive: "",
          ended: "(EOL)",
          gone: "(stale kconfig)(EOL)",
          old: "(stale ktstr)",
          future: "",
          distro: ""
        })
        expect(err).toMatch(
          /^warning: entries marked \(stale kconfig\) were built against a different ktstr.kconfig.$/m
        )
        expect(err).toMatch(/^warning: entries marked \(stale ktstr\)/m)
        expect(err).toMatch(/^note: entries marked \(EOL\)/m)
        const json = JSON.parse((yield* run("list", "--json")).out)
        expect(json.entries.find(({ key }: { key: string }) => key === "gone")).toMatchObject({
          valid: true,
          version: "6.13.4",
          stale_kconfig: true,
          stale_ktstr: false,
          eol: true
        })
        // The list of releases is requested once a day.
        expect(requests.map(({ url }) => url)).toEqual(["/releases.json"])
        const ranged = JSON.parse((yield* run("list", "--range", "6.13..7.2", "--json")).out)
        expect(ranged.entries.map(({ key }: { key: string }) => key).sort()).toEqual(["ended", "gone"])
        expect((yield* run("list", "--range", "8.0..8.1")).err).toMatch(
          /^none of the 6 kernels in .* is in 8\.0\.\.8\.1$/m
        )
        const wrong = yield* Effect.flip(run("list", "--range", "7.2"))
        expect(String(wrong)).toContain("--range must be two versions as 6.12..6.16, got '7.2'")
      })
    )
  })
)

it.scopedLive(
  "where kernel.org can't be had it lists without the mark, does not ask again so soon, and keeps what it knew",
  () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ "/releases.json": text("busy", 503) })
      yield* world(base, ({ directory, store, run }) =>
        Effect.gen(function* () {
          yield* store("ended", "7.2.1")
          const copy = join(directory, ".releases.json")
          for (const _ of [1, 2]) expect((yield* run("list")).out).toMatch(/ended +7\.2\.1 +yes .*linux-7\.2\.1$/m)
          expect(readFileSync(copy, "utf8")).toBe("")
          expect(requests).toHaveLength(1)
          // A list of three days ago is better than none.
          writeFileSync(copy, index)
          const then = new Date(Date.now() - 3 * 86_400_000)
          utimesSync(copy, then, then)
          expect((yield* run("list")).out).toContain("(EOL)")
          expect(readFileSync(copy, "utf8")).toBe(index)
          expect(requests).toHaveLength(2)
        })
      )
    })
)

it.scopedLive("without any network it lists as well", () =>
  world(nowhere, ({ store, run }) =>
    Effect.gen(function* () {
      yield* store("ended", "7.2.1")
      expect((yield* run("list")).out).toMatch(/linux-7\.2\.1$/m)
    })
  )
)

it.scopedLive("cleaning everything takes half downloads and temporaries of the dead along, but none in use", () =>
  world(nowhere, ({ directory, store, run }) =>
    Effect.gen(function* () {
      yield* store("a", "7.3.4")
      const downloads = join(directory, ".downloads")
      mkdirSync(downloads)
      for (const name of ["linux-7.1.9.tar.xz.part", "linux-7.1.9.tar.xz.part.etag"]) {
        writeFileSync(join(downloads, name), "half")
      }
      const temporary = join(directory, ".tmp-4194303-1-4026531836-deadbeef-1234")
      mkdirSync(temporary)
      const aWeekAgo = new Date(Date.now() - 7 * 86_400_000)
      utimesSync(temporary, aWeekAgo, aWeekAgo)
      // What was cut can be resumed, so keeping some entries keeps it.
      yield* run("clean", "--keep", "1", "--force")
      expect(readdirSync(downloads)).toHaveLength(2)
      expect(existsSync(temporary)).toBe(false)
      const { out } = yield* run("clean", "--force", "--json")
      expect(JSON.parse(out)).toMatchObject({
        removed: ["a"],
        remains: [join(downloads, "linux-7.1.9.tar.xz.part"), join(downloads, "linux-7.1.9.tar.xz.part.etag")]
      })
      expect(readdirSync(downloads)).toEqual([])
    })
  )
)
