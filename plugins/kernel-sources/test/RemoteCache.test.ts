import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { type KernelEntry, type RemoteCache, RemoteCaches } from "@ktstr/core/kernel"
import { Effect, Logger, Option } from "effect"
import { pack } from "tar-stream"
import { buildKernel } from "../src/build/KernelBuild.ts"
import { packEntry, unpackEntry } from "../src/remote/EntryArchive.ts"
import { commitTree, inScratch, release, writeTree } from "./kernelTree.ts"
import { serveGitHubCache, serveS3, serveSilence } from "./remoteServers.ts"

const enabled = Effect.flatMap(RemoteCaches, ({ list }) => list)

/** The kernel of the same commit on another machine, represented by a separate cache. */
const onMachine = (
  variables: Readonly<Record<string, string>>,
  body: (tree: string) => Effect.Effect<void, unknown, never> = () => Effect.void
) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => void warnings.push(String(message)))
  return inScratch(
    (scratch) =>
      Effect.gen(function* () {
        const tree = join(scratch, "linux")
        writeTree(tree)
        // One commit everywhere: its time and author are fixed.
        commitTree(tree)
        const stages: Array<string> = []
        const built = yield* buildKernel({
          source: tree,
          onProgress: ({ stage, detail }) => Effect.sync(() => void stages.push(`${stage} ${detail}`))
        })
        expect(built._tag).toBe("Cached")
        const { entry } = built as { readonly entry: KernelEntry }
        expect(entry.metadata).toMatchObject({ version: release, schedExt: true })
        expect(readFileSync(entry.image).equals(readFileSync(join(tree, "image.bin")))).toBe(true)
        yield* body(tree)
        return {
          entry: entry.metadata,
          compiled: stages.some((stage) => stage.startsWith("compile")),
          warnings,
          remotes: yield* enabled
        }
      }),
    "cache",
    variables
  ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
}

/** Puts other bytes under every key that a machine requests. */
const damage = (variables: Readonly<Record<string, string>>, key: string, bytes: Uint8Array) =>
  inScratch(
    () => Effect.flatMap(enabled, (remotes) => Effect.forEach(remotes, (remote) => remote.put(key, bytes))),
    "cache",
    variables
  )

/** What is under a key of the only remote cache. */
const stored = (variables: Readonly<Record<string, string>>, key: string) =>
  inScratch(() => Effect.flatMap(enabled, ([remote]) => (remote as RemoteCache).get(key)), "cache", variables)

const keyOf = (entry: KernelEntry["metadata"]) =>
  `ktstr-kernel-1-x86_64-kc${entry.kconfigHash!.slice(0, 12)}-${entry.source.spec.replaceAll(":", "_")}`

describe("a remote cache in an S3 store", () => {
  it.scopedLive("gives another machine what the first one built", () =>
    Effect.gen(function* () {
      const variables = yield* serveS3
      const first = yield* onMachine(variables)
      expect(first).toMatchObject({ compiled: true, warnings: [] })
      expect(first.remotes.map(({ name }) => name)).toEqual(["s3://kernels/ci/main"])
      const second = yield* onMachine(variables)
      expect(second).toMatchObject({ compiled: false, warnings: [] })
      expect(second.entry.key).toBe(first.entry.key)
      expect(second.entry.image).toEqual(first.entry.image)
      // The label is of the tree that was named here, not of the one that was built there.
      expect(second.entry.label).toMatch(/^kernel_path_linux_[0-9a-f]{6}$/)
    })
  )

  it.scopedLive(
    "has damaged entries replaced after one warning",
    () =>
      Effect.gen(function* () {
        const variables = yield* serveS3
        const { entry } = yield* onMachine(variables)
        const key = keyOf(entry)
        const whole = Option.getOrThrow(yield* stored(variables, key))
        const flipped = whole.slice()
        flipped[1000] = flipped[1000]! ^ 0xff
        for (const bytes of [flipped, whole.subarray(0, 1500), new Uint8Array(0), gzipSync("no tar at all")]) {
          yield* damage(variables, key, bytes)
          const machine = yield* onMachine(variables)
          expect(machine.compiled).toBe(true)
          expect(machine.warnings).toEqual([
            expect.stringMatching(
              /^remote kernel cache: s3:\/\/kernels\/ci\/main: ktstr-kernel-\S+ is corrupt: .*; going on without it$/
            )
          ])
          expect(yield* onMachine(variables)).toMatchObject({ compiled: false, warnings: [] })
        }
      }),
    60_000
  )

  it.scopedLive.each<readonly [string, Readonly<Record<string, string>>, RegExp]>([
    ["wrong credentials", { AWS_SECRET_ACCESS_KEY: "guess" }, /HTTP 403, SignatureDoesNotMatch; going on/],
    ["an unknown account", { AWS_ACCESS_KEY_ID: "nobody" }, /HTTP 403, InvalidAccessKeyId; going on/],
    ["no bucket", { KTSTR_REMOTE_CACHE: "s3://absent" }, /s3:\/\/absent: .*HTTP 404, NoSuchBucket; going on/],
    ["no credentials", { AWS_ACCESS_KEY_ID: "" }, /but not AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; going on/],
    ["no such scheme", { KTSTR_REMOTE_CACHE: "kernels" }, /must be s3:\/\/BUCKET\[\/PREFIX\], got 'kernels'; going on/],
    ["no server", { AWS_ENDPOINT_URL: "http://127.0.0.1:1" }, /ECONNREFUSED.*; going on/]
  ])("costs a warning, and no more than one: %s", ([, changes, warning]) =>
    Effect.gen(function* () {
      const variables = yield* serveS3
      const machine = yield* onMachine({ ...variables, ...changes })
      expect(machine.compiled).toBe(true)
      expect(machine.warnings).toHaveLength(1)
      expect(machine.warnings[0]).toMatch(warning)
      expect(machine.warnings[0]).not.toMatch(/\n|guess/)
    })
  )

  it.scopedLive("is waited for only so long", () =>
    Effect.gen(function* () {
      const variables = yield* serveS3
      const AWS_ENDPOINT_URL = yield* serveSilence
      const machine = yield* onMachine({ ...variables, AWS_ENDPOINT_URL, KTSTR_REMOTE_CACHE_TIMEOUT: "1" })
      expect(machine.compiled).toBe(true)
      expect(machine.warnings).toEqual([expect.stringContaining("no answer within 1 s (KTSTR_REMOTE_CACHE_TIMEOUT)")])
    })
  )
})

describe("the GitHub Actions cache", () => {
  it.scopedLive("gives another run what the first one built, and keeps what it has", () =>
    Effect.gen(function* () {
      const { blobs, variables } = yield* serveGitHubCache
      const first = yield* onMachine(variables)
      expect(first).toMatchObject({ compiled: true, warnings: [] })
      expect(blobs.size).toBe(1)
      expect(yield* onMachine(variables)).toMatchObject({ compiled: false, warnings: [] })
      const key = keyOf(first.entry)
      yield* damage(variables, key, new Uint8Array(3))
      expect(blobs.size).toBe(1)
      // The service finds keys by their beginning: that is no hit.
      expect(Option.isNone(yield* stored(variables, key.slice(0, -3)))).toBe(true)
    })
  )

  it.scopedLive.each<readonly [string, Readonly<Record<string, string>>, RegExp]>([
    [
      "a wrong token",
      { ACTIONS_RUNTIME_TOKEN: "old" },
      /the GitHub Actions cache: .*HTTP 401, token is not valid; going on/
    ],
    ["outside of a workflow", { ACTIONS_RESULTS_URL: "" }, /ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set/]
  ])("costs a warning, and no more than one: %s", ([, changes, warning]) =>
    Effect.gen(function* () {
      const { variables } = yield* serveGitHubCache
      const machine = yield* onMachine({ ...variables, ...changes })
      expect(machine.compiled).toBe(true)
      expect(machine.warnings).toEqual([expect.stringMatching(warning)])
    })
  )
})

describe("without a remote cache", () => {
  it.scopedLive("nobody is asked", () =>
    Effect.gen(function* () {
      expect(yield* onMachine({ KTSTR_GHA_CACHE: "0" })).toMatchObject({ compiled: true, warnings: [], remotes: [] })
    })
  )
})

describe("unpackEntry", () => {
  const archive = (files: Readonly<Record<string, string>>) =>
    Effect.promise(async () => {
      const tar = pack()
      for (const [name, text] of Object.entries(files)) tar.entry({ name }, text)
      tar.finalize()
      const chunks: Array<Uint8Array> = []
      for await (const chunk of tar as AsyncIterable<Uint8Array>) chunks.push(chunk)
      return gzipSync(Buffer.concat(chunks))
    })

  it.live("takes nothing on trust", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        writeTree(join(scratch, "linux"))
        commitTree(join(scratch, "linux"))
        const built = yield* buildKernel({ source: join(scratch, "linux") })
        const { entry } = built as { readonly entry: KernelEntry }
        const whole = yield* unpackEntry(yield* packEntry(entry))
        expect(whole).toMatchObject({ key: entry.key, source: entry.metadata.source })
        const text = readFileSync(join(entry.directory, "metadata.json"), "utf8")
        const message = (files: Readonly<Record<string, string>>) =>
          Effect.flatMap(archive(files), (bytes) =>
            Effect.map(Effect.flip(unpackEntry(bytes)), (error) => error.message)
          )
        expect(yield* message({})).toBe("it has no metadata.json")
        expect(yield* message({ "metadata.json": "{" })).toContain("metadata.json truncated")
        expect(yield* message({ "metadata.json": text })).toBe("it lacks bzImage")
        expect(yield* message({ "metadata.json": text, bzImage: "another" })).toMatch(/^bzImage has SHA-256 /)
        const outside = text.replace(JSON.stringify(entry.key), '"../../outside"')
        expect(yield* message({ "metadata.json": outside })).toBe('its key "../../outside" is none')
      })
    )
  )
})
