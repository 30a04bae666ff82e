import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { cachedBase } from "../../src/image/BaseCache.ts"

const content = new Uint8Array(3 * 2 ** 20 + 5).map((_, at) => at % 251)
const name = "0123.cpio"

const inCache = <A, E>(body: (folder: string) => Effect.Effect<A, E, NodeContext.NodeContext>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "test-base-cache-"))),
    (root) =>
      body(join(root, "cache/.initramfs")).pipe(
        Effect.provide(NodeContext.layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", join(root, "cache")]])))
      ),
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const isContent = (file: string) => {
  expect(lstatSync(file).isFile()).toBe(true)
  expect(readFileSync(file).equals(content)).toBe(true)
}

describe("cachedBase", () => {
  it.effect("writes an entry that is its user's alone, and uses it again", () =>
    inCache((folder) =>
      Effect.gen(function* () {
        const first = yield* cachedBase(name, [content])
        expect(first).toEqual({ path: join(folder, name), warnings: [] })
        isContent(first.path)
        const { ino, mode } = statSync(first.path)
        expect([mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700])
        expect(yield* cachedBase(name, [content])).toEqual(first)
        expect(statSync(first.path).ino).toBe(ino)
        expect(readdirSync(folder)).toEqual([name])
      })
    )
  )

  const victim = (folder: string) => join(folder, "../victim")
  it.effect.each<readonly [string, (file: string, folder: string) => void, RegExp]>([
    [
      "one byte changed at the end",
      (file) => writeFileSync(file, content.with(content.length - 1, 0xff)),
      /is damaged/
    ],
    ["one byte changed in the middle", (file) => writeFileSync(file, content.with(2 ** 20, 0xff)), /is damaged/],
    ["cut short", (file) => truncateSync(file, 100), /has 100 bytes instead of 3145733/],
    ["empty", (file) => truncateSync(file, 0), /has 0 bytes instead of/],
    [
      "a link to a like file",
      (file, folder) => {
        writeFileSync(victim(folder), content)
        rmSync(file)
        symlinkSync(victim(folder), file)
      },
      /is a symbolic link/
    ],
    [
      "a link to nothing",
      (file, folder) => {
        rmSync(file)
        symlinkSync(victim(folder), file)
      },
      /is a symbolic link/
    ],
    ["writable for everyone", (file) => chmodSync(file, 0o666), /may be written by others \(mode 666\)/]
  ])("%s: it is made again with a warning", ([, harm, why]) =>
    inCache((folder) =>
      Effect.gen(function* () {
        const { path } = yield* cachedBase(name, [content])
        harm(path, folder)
        const isLinked = existsSync(victim(folder))
        const again = yield* cachedBase(name, [content])
        expect(again).toEqual({ path, warnings: [expect.stringMatching(why)] })
        expect(again.warnings[0]).toContain(`the cached initramfs ${path}`)
        isContent(path)
        // What a link led to is as it was.
        expect(existsSync(victim(folder))).toBe(isLinked)
        if (isLinked) isContent(victim(folder))
        expect((yield* cachedBase(name, [content])).warnings).toEqual([])
      })
    )
  )

  it.effect("its directory is closed to others, and not used where it is a link", () =>
    inCache((folder) =>
      Effect.gen(function* () {
        yield* cachedBase(name, [content])
        chmodSync(folder, 0o777)
        expect((yield* cachedBase(name, [content])).warnings).toEqual([])
        expect(statSync(folder).mode & 0o777).toBe(0o700)
        rmSync(folder, { recursive: true })
        mkdirSync(join(folder, "../elsewhere"))
        symlinkSync("elsewhere", folder)
        expect((yield* Effect.flip(cachedBase(name, [content]))).message).toMatch(/\.initramfs is not a directory/)
        expect(readdirSync(join(folder, "../elsewhere"))).toEqual([])
      })
    )
  )

  it.effect("a directory in the entry's place is left alone and told", () =>
    inCache((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, name, "deep"), { recursive: true, mode: 0o700 })
        chmodSync(folder, 0o700)
        expect((yield* Effect.flip(cachedBase(name, [content]))).message).toContain(`cache directory ${folder}`)
        expect(readdirSync(folder)).toEqual([name])
      })
    )
  )

  // Only root can give files away.
  if (process.geteuid?.() === 0) {
    it.effect("of another user: it is made again", () =>
      inCache(() =>
        Effect.gen(function* () {
          const { path } = yield* cachedBase(name, [content])
          chownSync(path, 65534, 65534)
          expect((yield* cachedBase(name, [content])).warnings).toEqual([
            expect.stringMatching(/belongs to user 65534/)
          ])
          expect(statSync(path).uid).toBe(process.geteuid?.())
        })
      )
    )
  }
})
