import type { IncomingMessage, ServerResponse } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import { exitCodeOfError } from "@ktstr/core/report"
import { Effect, Option } from "effect"
import { downloadTarball, resolveReleases } from "../src/sources/KernelOrg.ts"
import { parseKernelOrgSpec, parseReleaseIndex } from "../src/sources/KernelOrgIndex.ts"
import { against, withWarnings } from "./kernelOrgBed.ts"
import { file, index, serve, sums, text } from "./kernelOrgServer.ts"

const directory = "/pub/linux/kernel/v7.x"
const tarballPath = `${directory}/linux-7.3.11.tar.xz`
const sumsPath = `${directory}/sha256sums.asc`
const quiet = () => Effect.void
const releases = "/releases.json"

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void

const resolve = (base: string, spec: string, variables: Readonly<Record<string, string>> = {}) =>
  against(base, () => resolveReleases(Option.getOrThrow(parseKernelOrgSpec(spec))), variables)

const fetchTarball = (base: string, version = "7.3.11", variables: Readonly<Record<string, string>> = {}) =>
  against(base, (scratch) => downloadTarball(version, scratch, quiet), variables)

/** Fails `times` times, then answers. */
const after =
  (times: number, bad: Answer, good: Answer): Answer =>
  (request, response, nth) =>
    (nth < times ? bad : good)(request, response, nth)

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, headers).end("busy")
  }

/** No message has a schema's notation, several lines, or a stack in it. */
const isOneLine = (message: string) => {
  expect(message).not.toMatch(/[\n└├│]|ReadonlyArray|readonly|NonEmptyString|Error:|\bat \S+:\d+/)
  return message
}

describe("a list of releases with entries that are none", () => {
  const with_ = (...entries: ReadonlyArray<unknown>) => {
    const list = JSON.parse(index) as { releases: Array<unknown> }
    list.releases.splice(1, 0, ...entries)
    return JSON.stringify(list)
  }

  it.scopedLive.each<readonly [string, unknown, RegExp]>([
    ["no version", { moniker: "stable", iseol: false }, /releases\[1\]: its field 'version' is missing$/],
    ["a number for a version", { moniker: "stable", version: 7.4, iseol: false }, /its field 'version' can't be 7\.4$/],
    ["an empty version", { moniker: "stable", version: "", iseol: false }, /its field 'version' can't be ""$/],
    ["null", null, /releases\[1\]: it can't be null$/],
    ["a list", [], /releases\[1\]: its field 'version' is missing$|releases\[1\]: it can't be a list$/],
    ["a text", "7.4.3", /releases\[1\]: it can't be "7\.4\.3"$/]
  ])("%s: passed over with a warning", ([, entry, words]) =>
    Effect.gen(function* () {
      const { base } = yield* serve({ [releases]: text(with_(entry)) })
      const { value, warnings } = yield* withWarnings(resolve(base, "7.4"))
      expect(value).toEqual(["7.4.2"])
      expect(warnings).toHaveLength(1)
      expect(isOneLine(warnings[0]!)).toMatch(words)
      expect(warnings[0]).toContain(`${base}${releases}: an entry is not usable and was passed over`)
    })
  )

  it.scopedLive("several make one warning that counts them", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({ [releases]: text(with_(1, 2, { version: "7.9" })) })
      const { warnings } = yield* withWarnings(resolve(base, "6.12..7.3"))
      expect(warnings).toEqual([expect.stringMatching(/ \(and 2 more\)$/)])
    })
  )

  it("with nothing else it is unusable, and says why", () => {
    expect(parseReleaseIndex('{"releases":[{"moniker":"stable"}]}')).toMatchObject({
      left: "none of its entries is a release; releases[0]: its field 'version' is missing"
    })
  })
})

describe("what is not a list of releases", () => {
  it.scopedLive.each<readonly [string, string, string]>([
    ["a page", "<!DOCTYPE html>\n<html><body>log in</body></html>", "not JSON: an HTML page"],
    ["XHTML", '<?xml version="1.0"?>\n<html xmlns="x"></html>', "not JSON: an HTML page"],
    ["nothing", "", "not JSON: an empty answer"],
    ["words", "the archive moved\nto elsewhere", 'not JSON: it begins with "the archive moved"'],
    ["half of it", '{"releases":[{"version":"7.4', "not JSON: it is cut short after 28 characters"],
    ["a list", "[]", "it has no list 'releases'"],
    ["null", "null", "it has no list 'releases'"],
    ["another object", '{"releases":{"7.4":1}}', "it has no list 'releases'"]
  ])("%s", ([, body, words]) =>
    Effect.gen(function* () {
      const { base } = yield* serve({ [releases]: text(body, 200, "application/json") })
      const error = yield* Effect.flip(resolve(base, "7.4"))
      expect(isOneLine(error.message)).toBe(`fetch ${base}${releases}: ${words}`)
      expect(exitCodeOfError(error)).toBe(69)
    })
  )
})

describe("a mirror that lags", () => {
  it.scopedLive.each<readonly [string, Readonly<Record<string, Answer>>, RegExp]>([
    ["releases.json", { [releases]: text(index) }, /releases\.json lists 7\.3\.11/],
    [
      "both lists",
      { [releases]: text(index), [sumsPath]: sums("linux-7.3.11.tar.xz") },
      /releases\.json lists 7\.3\.11/
    ],
    ["the checksums", { [sumsPath]: sums("linux-7.3.11.tar.xz") }, /sha256sums\.asc lists 7\.3\.11/]
  ])("%s have it, the tarball is 404", ([, paths, lister]) =>
    Effect.gen(function* () {
      const { base } = yield* serve(paths)
      const { value: error } = yield* withWarnings(Effect.flip(fetchTarball(base)))
      expect(exitCodeOfError(error)).toBe(69)
      expect(isOneLine(error.message)).toMatch(lister)
      expect(error.message).toContain(`download ${base}${tarballPath}: HTTP 404`)
      expect(error.message).toContain("the mirror lags; try again later")
      expect(error.message).not.toContain("not found")
    })
  )

  it.scopedLive("a release candidate that is listed lags as well; one that nobody lists is gone", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({ [releases]: text(index) })
      const lags = yield* Effect.flip(fetchTarball(base, "7.5-rc2"))
      expect([exitCodeOfError(lags), lags.message]).toEqual([69, expect.stringContaining("the mirror lags")])
      const gone = yield* Effect.flip(fetchTarball(base, "7.2-rc3"))
      expect([exitCodeOfError(gone), gone.message]).toEqual([64, expect.stringContaining("RC tarball not found")])
    })
  )
})

describe("a server that can't answer now", () => {
  it.scopedLive.each<readonly [string, Answer]>([
    ["503", status(503)],
    ["429", status(429, { "retry-after": "1" })],
    ["502", status(502)],
    ["a reset", (_, response) => void response.socket?.resetAndDestroy()],
    ["a connection that is closed", (_, response) => void response.destroy()],
    [
      "fewer bytes than promised",
      (_, response) => {
        response.writeHead(200, { "content-length": "9999" })
        response.write("{", () => setTimeout(() => response.destroy(), 20))
      }
    ],
    ["silence", () => undefined]
  ])("%s is tried again", ([, bad]) =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({
        [releases]: after(1, bad, text(index)),
        [sumsPath]: sums("linux-7.3.11.tar.xz"),
        [tarballPath]: after(1, bad, file())
      })
      const impatient = { KTSTR_DOWNLOAD_TIMEOUT: "1" }
      expect(yield* resolve(base, "7.4", impatient)).toEqual(["7.4.2"])
      expect(yield* fetchTarball(base, "7.3.11", impatient)).toMatch(/linux-7\.3\.11\.tar\.xz$/)
      expect(requests.filter(({ url }) => url === releases)).toHaveLength(2)
      expect(requests.filter(({ url }) => url === tarballPath)).toHaveLength(2)
    })
  )

  it.scopedLive("is told in one line when it stays so", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ [releases]: status(503) })
      const error = yield* Effect.flip(resolve(base, "7.4"))
      expect(error.message).toBe(`fetch ${base}${releases}: HTTP 503; the server is busy or broken: try again later`)
      expect(requests).toHaveLength(5)
    })
  )

  it.scopedLive("is not waited for when it asks for an hour", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ [releases]: status(429, { "retry-after": "3600" }) })
      const error = yield* Effect.flip(resolve(base, "7.4"))
      expect(error.message).toMatch(/HTTP 429; the server is busy or broken: try again in 3600 s$/)
      expect(requests).toHaveLength(1)
    })
  )

  it.scopedLive("is named as silent", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({ [releases]: () => undefined })
      const error = yield* Effect.flip(resolve(base, "7.4", { KTSTR_DOWNLOAD_TIMEOUT: "1" }))
      expect(error.message).toBe(`fetch ${base}${releases}: the server was silent for 1 s (KTSTR_DOWNLOAD_TIMEOUT)`)
    })
  )
})

describe("a server that never can", () => {
  it.scopedLive.each([403, 404, 410])("%d is not asked twice", (code) =>
    Effect.gen(function* () {
      const { base, requests } = yield* serve({ [releases]: status(code) })
      expect((yield* Effect.flip(resolve(base, "7.4"))).message).toBe(`fetch ${base}${releases}: HTTP ${code}`)
      expect(requests).toHaveLength(1)
    })
  )

  it.scopedLive("redirects in a circle are told as such", () =>
    Effect.gen(function* () {
      const to = (location: string): Answer => status(302, { location })
      const { base } = yield* serve({ [releases]: to("/elsewhere"), "/elsewhere": to(releases) })
      const error = yield* Effect.flip(resolve(base, "7.4"))
      expect(isOneLine(error.message)).toMatch(/HTTP 302; the server redirected 5 times and would again/)
    })
  )

  it.scopedLive("a captive portal's page is not a list of checksums, and not a tarball", () =>
    Effect.gen(function* () {
      const page = text("<html>log in first</html>", 200, "text/html")
      const portal = yield* serve({ [releases]: page, [sumsPath]: page, [tarballPath]: page })
      const error = yield* Effect.flip(fetchTarball(portal.base))
      expect([exitCodeOfError(error), error.message]).toEqual([
        69,
        `fetch ${portal.base}${sumsPath}: not a list of checksums: an HTML page`
      ])
    })
  )

  it.scopedLive("an empty tarball is told as such", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({
        [sumsPath]: sums("linux-7.3.11.tar.xz"),
        [tarballPath]: text("", 200, "application/x-xz")
      })
      const error = yield* Effect.flip(fetchTarball(base))
      expect(isOneLine(error.message)).toContain(`download ${base}${tarballPath}: the answer is empty`)
    })
  )

  it.scopedLive("a name that no server has is asked for once, and says that there may be no network", () =>
    Effect.gen(function* () {
      const began = Date.now()
      const error = yield* Effect.flip(resolve("http://kernel.invalid", "9.9"))
      expect(isOneLine(error.message)).toMatch(
        /^fetch http:\/\/kernel\.invalid\/releases\.json: (?:no such host as kernel\.invalid|the name kernel\.invalid can't be looked up): no network, or no DNS \(E\w+\)$/
      )
      expect(error.message).not.toContain("getaddrinfo")
      expect(exitCodeOfError(error)).toBe(69)
      if (error.message.includes("ENOTFOUND")) expect(Date.now() - began).toBeLessThan(10_000)
    })
  )
})
