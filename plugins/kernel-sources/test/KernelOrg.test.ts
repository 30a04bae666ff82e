import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"
import { downloadTarball, fetchRelease, makeKernelOrg, resolveReleases } from "../src/sources/KernelOrg.ts"
import { parseKernelOrgSpec } from "../src/sources/KernelOrgIndex.ts"
import { against } from "./kernelOrgBed.ts"
import { file, index, serve, serveProxy, sums, tarball, text, youngIndex } from "./kernelOrgServer.ts"

const directory = "/pub/linux/kernel/v7.x"
const tarballPath = `${directory}/linux-7.3.11.tar.xz`
const sumsPath = `${directory}/sha256sums.asc`

const resolve = (base: string, spec: string | undefined) =>
  against(base, () => resolveReleases(Option.getOrThrow(parseKernelOrgSpec(spec))))

const quiet = () => Effect.void

describe("kernel.org: which release", () => {
  const paths = {
    "/releases.json": text(index, 200, "application/json"),
    [sumsPath]: sums(
      "linux-7.1.tar.xz",
      "linux-7.1.9.tar.xz",
      "linux-7.1.10.tar.xz",
      "linux-7.10.3.tar.xz",
      "patch-7.1.99.xz"
    )
  }

  it.scopedLive.each<readonly [string | undefined, ReadonlyArray<string>]>([
    [undefined, ["7.3.11"]],
    ["kernel.org", ["7.3.11"]],
    ["7.4", ["7.4.2"]],
    ["6.12", ["6.12.58"]],
    ["7.1", ["7.1.10"]],
    ["6.12..7.3", ["6.12.58", "7.2.16", "7.3.11"]],
    ["6.6.100..6.12.58", ["6.6.116", "6.12.58"]],
    ["7.5-rc2", ["7.5-rc2"]],
    ["7.3.11", ["7.3.11"]]
  ])("%s", ([spec, versions]) =>
    Effect.gen(function* () {
      const { base } = yield* serve(paths)
      expect(yield* resolve(base, spec)).toEqual(versions)
    })
  )

  it.scopedLive("asks nobody for an exact version", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve(paths)
      yield* resolve(base, "7.3.11")
      expect(requests).toEqual([])
    })
  )

  it.scopedLive.each<readonly [string | undefined, string, RegExp]>([
    ["7.7", index, /^version 7\.7 not found; releases\.json lists 7\.5, 7\.4, 7\.3, 6\.12, 6\.6$/],
    ["5.0..5.4", index, /^no stable or longterm release from 5\.0 to 5\.4 in releases\.json/],
    [undefined, youngIndex, /^no stable kernel with patch >= 8 found in releases\.json$/],
    [undefined, "<html>busy</html>", /^fetch http:.*\/releases\.json: not JSON: an HTML page$/]
  ])("%s fails in one line", ([spec, body, message]) =>
    Effect.gen(function* () {
      const { base } = yield* serve({ ...paths, "/releases.json": text(body) })
      const error = yield* Effect.flip(resolve(base, spec))
      expect(error.message).toMatch(message)
    })
  )

  it.scopedLive("says why there was no connection", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resolve("http://127.0.0.1:1", undefined))
      expect(error.message).toMatch(/^fetch http:\/\/127\.0\.0\.1:1\/releases\.json: .*ECONNREFUSED/)
    })
  )
})

describe("kernel.org: tarballs", () => {
  const paths = {
    "/releases.json": text(index),
    [sumsPath]: sums("linux-7.3.11.tar.xz"),
    [tarballPath]: file()
  }
  const download = (base: string, version = "7.3.11") =>
    against(base, (scratch) => Effect.map(downloadTarball(version, scratch, quiet), (path) => readFileSync(path)))

  it.scopedLive("are downloaded, checked and named", () =>
    Effect.gen(function* () {
      const { base } = yield* serve(paths)
      yield* against(base, (scratch) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          const path = yield* downloadTarball("7.3.11", scratch, (stage) => Effect.sync(() => void seen.push(stage)))
          expect(path).toBe(join(scratch, "linux-7.3.11.tar.xz"))
          expect(readFileSync(path).equals(tarball)).toBe(true)
          expect(readdirSync(scratch)).toEqual(["linux-7.3.11.tar.xz"])
          expect([...new Set(seen)]).toEqual(["index", "download", "verify"])
        })
      )
    })
  )

  it.scopedLive("go on where a connection was cut", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ ...paths, [tarballPath]: file(2) })
      expect((yield* download(base)).equals(tarball)).toBe(true)
      const ranges = requests.filter(({ url }) => url === tarballPath).map(({ range }) => range)
      expect(ranges).toHaveLength(3)
      expect(ranges[0]).toBe(undefined)
      expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/)
    })
  )

  it.scopedLive("go on in the next process, unless the file has changed since", () =>
    Effect.gen(function* () {
      const cut = yield* serve({ ...paths, [tarballPath]: file(99) })
      const whole = yield* serve(paths)
      const changed = yield* serve({ ...paths, [tarballPath]: file(0, '"two"') })
      for (const next of [whole, changed]) {
        yield* against("", (scratch) =>
          Effect.gen(function* () {
            const from = (base: string) =>
              downloadTarball("7.3.11", scratch, quiet).pipe(
                Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_KERNEL_ORG", base]])))
              )
            const error = yield* Effect.flip(from(cut.base))
            expect(error.message).toMatch(/^download http.*linux-7\.3\.11\.tar\.xz: .*; what came is kept/)
            expect(readFileSync(yield* from(next.base)).equals(tarball)).toBe(true)
            expect(next.requests.find(({ url }) => url === tarballPath)?.range).toMatch(/^bytes=/)
          })
        )
      }
    })
  )

  it.scopedLive("of a wrong checksum are removed", () =>
    Effect.gen(function* () {
      const wrong = text(`${"ab".repeat(32)}  linux-7.3.11.tar.xz\n`)
      const { base } = yield* serve({ ...paths, [sumsPath]: wrong })
      yield* against(base, (scratch) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(downloadTarball("7.3.11", scratch, quiet))
          expect(error.message).toMatch(/it has SHA-256 [0-9a-f]{64}, sha256sums\.asc says (ab){32}/)
          expect(readdirSync(scratch)).toEqual([])
        })
      )
    })
  )

  it.scopedLive("fail with the words of the manual", () =>
    Effect.gen(function* () {
      const html = text("<html>not here</html>", 200, "text/html; charset=utf-8")
      const { base } = yield* serve({
        ...paths,
        [`${directory}/linux-7.3.12.tar.xz`]: html,
        [`${directory}/linux-7.3.13.tar.xz`]: text("busy", 503),
        [`${directory}/linux-7.3.14.tar.xz`]: file()
      })
      const message = (version: string) => Effect.map(Effect.flip(download(base, version)), (error) => error.message)
      expect(yield* message("7.3.22")).toBe("version 7.3.22 not found. latest 7.3.x: 7.3.11")
      expect(yield* message("5.4.99")).toBe("version 5.4.99 not found")
      expect(yield* message("7.2-rc3")).toBe(
        `RC tarball not found: ${base}/torvalds/t/linux-7.2-rc3.tar.gz\n  RC releases are removed from git.kernel.org after the stable version ships.`
      )
      const at = (version: string) => `download ${base}${directory}/linux-${version}.tar.xz`
      expect(yield* message("7.3.12")).toBe(
        `${at("7.3.12")}: server returned HTML instead of tarball (URL may be invalid)`
      )
      expect(yield* message("7.3.13")).toBe(`${at("7.3.13")}: HTTP 503; the server is busy or broken: try again later`)
      expect(yield* message("7.3.14")).toContain("has no checksum of linux-7.3.14.tar.xz")
    })
  )

  it.scopedLive("of release candidates come from the git server", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({ "/torvalds/t/linux-7.5-rc2.tar.gz": file() })
      expect((yield* download(base, "7.5-rc2")).equals(tarball)).toBe(true)
    })
  )

  it.scopedLive("come through the proxy of the environment, but for hosts in NO_PROXY", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve(paths)
      const proxy = yield* serveProxy(Number(new URL(base).port))
      const newest = resolveReleases({ _tag: "Newest" })
      const found = yield* against("http://mirror.example", () => newest, { HTTP_PROXY: proxy.base })
      expect(found).toEqual(["7.3.11"])
      expect(proxy.asked).toEqual(["mirror.example:80"])
      yield* against(base, () => newest, { http_proxy: proxy.base, no_proxy: "127.0.0.1" })
      expect(proxy.asked).toHaveLength(1)
      expect(requests).toHaveLength(2)
    })
  )
})

describe("kernel.org: the source", () => {
  it.scopedLive("answers for versions and ranges only", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({ "/releases.json": text(index) })
      yield* against(base, () =>
        Effect.gen(function* () {
          const source = yield* makeKernelOrg
          const asked = ["7.3", "7.3.11", "7.5-rc2", "6.6..7.3", "kernel.org"]
          expect(asked.filter(source.accepts)).toEqual(asked)
          const others = ["distro:7.3", "./linux", "7.3.11-distro-x86_64", "git+https://a/b#c", "7", "bzImage"]
          expect(others.filter(source.accepts)).toEqual([])
          expect(yield* source.expand!("6.12..7.3")).toEqual(["6.12.58", "7.2.16", "7.3.11"])
          expect(yield* source.expand!("7.3")).toEqual(["7.3"])
          const message = (spec: string) => Effect.map(Effect.flip(fetchRelease({ spec })), (error) => error.message)
          expect(yield* message("6.12..7.3")).toBe(
            "'6.12..7.3' is a range where one kernel is wanted: give one version such as 7.3 (--kernel of `ktstr run` and `ktstr test` takes a range)"
          )
          expect(yield* message("linux")).toMatch(/^'linux' is no version: .* a tree or tarball with a \/ in it/)
        })
      )
    })
  )

  it.scopedLive("names missing build tools before it downloads anything", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ "/releases.json": text(index) })
      const body = (scratch: string) =>
        Effect.map(Effect.flip(fetchRelease({ spec: "7.3.11" })), (error) => {
          expect(error).toMatchObject({ reason: "Unsupported" })
          expect(error.message).toMatch(
            /^building a kernel needs gcc, make, flex, .*: apt-get install .* gcc make flex /
          )
          expect(readdirSync(join(scratch, "cache"))).toEqual([".locks"])
        })
      yield* against(base, body, { PATH: "/nonexistent" })
      expect(requests).toEqual([])
    })
  )

  it.scopedLive("says that a tarball can't be unpacked, and leaves nothing of it", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({
        "/releases.json": text(index),
        [sumsPath]: sums("linux-7.3.11.tar.xz"),
        [tarballPath]: file()
      })
      yield* against(base, (scratch) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(fetchRelease({ spec: "7.3.11" }))
          expect(error.message).toMatch(/^extract tarball: /)
          expect(readdirSync(join(scratch, "cache/.downloads"))).toEqual([])
          expect(readdirSync(join(scratch, "cache")).filter((name) => name.startsWith(".build-"))).toEqual([])
        })
      )
    })
  )
})
