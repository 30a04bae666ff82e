import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { layerKernelCache, layerRemoteCaches } from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer } from "effect"
import { pack } from "tar-stream"
import { buildKernel } from "../src/build/KernelBuild.ts"
import { checkTarball } from "../src/build/TarballCheck.ts"

interface Member {
  readonly name: string
  readonly type?: "file" | "directory" | "symlink" | "link" | "fifo" | "character-device"
  readonly linkname?: string
  readonly text?: string
}

/** A tarball no `tar` would make. */
const tarballOf = async (file: string, members: ReadonlyArray<Member>) => {
  const archive = pack()
  const chunks: Array<Buffer> = []
  archive.on("data", (chunk) => void (chunk instanceof Buffer && chunks.push(chunk)))
  for (const { name, type = "file", linkname, text = "" } of members) {
    archive.entry({ name, type, ...(linkname === undefined ? {} : { linkname }) }, text)
  }
  archive.finalize()
  await new Promise<void>((resolve) => archive.on("end", () => resolve()))
  writeFileSync(file, Buffer.concat(chunks))
}

const layer = Layer.provideMerge(Layer.merge(layerKernelCache, layerRemoteCaches), NodeContext.layer)

const inScratch = <A, E>(
  body: (scratch: string) => Effect.Effect<A, E, Layer.Layer.Success<typeof layer>>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr tar-"))),
    (scratch) =>
      body(scratch).pipe(
        Effect.provide(layer),
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["KTSTR_CACHE_DIR", join(scratch, "cache")],
              ["PATH", process.env.PATH ?? ""]
            ])
          )
        )
      ),
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true }))
  )

const tree: ReadonlyArray<Member> = [{ name: "linux/", type: "directory" }, { name: "linux/Kbuild" }]

const hostile: ReadonlyArray<readonly [string, ReadonlyArray<Member>, RegExp]> = [
  ["an absolute path", [{ name: "/tmp/ktstr-escaped" }], /"\/tmp\/ktstr-escaped" is outside/],
  ["a path above", [{ name: "linux/../../escaped" }], /is outside of the directory/],
  ["an absolute link", [{ name: "linux/out", type: "symlink", linkname: "/etc" }], /leads out of the tree, to "\/etc"/],
  ["a link above", [{ name: "linux/out", type: "symlink", linkname: "../../x" }], /leads out of the tree/],
  ["a link above through a name", [{ name: "linux/out", type: "symlink", linkname: "a/../../../x" }], /leads out/],
  ["a hard link to outside", [{ name: "linux/passwd", type: "link", linkname: "/etc/passwd" }], /leads out/],
  [
    "a file through a link",
    [
      { name: "linux/a", type: "symlink", linkname: "b" },
      { name: "linux/a/file", text: "x" }
    ],
    /goes through the link "linux\/a"/
  ],
  ["a device", [{ name: "linux/null", type: "character-device" }], /neither a file, a directory nor a link/],
  ["a pipe", [{ name: "linux/pipe", type: "fifo" }], /neither a file, a directory nor a link/],
  ["a name that looks like a link", [{ name: 'linux/x" -> "y\nz', type: "symlink", linkname: "/" }], /leads out/]
]

describe("checkTarball", () => {
  it.live.each(hostile)("refuses %s, and nothing is unpacked", ([_, members, message]) =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const file = join(scratch, "hostile.tar")
        yield* Effect.promise(() => tarballOf(file, [...tree, ...members]))
        const error = yield* Effect.flip(buildKernel({ source: file }))
        expect(error.message).toMatch(message)
        expect(error.reason).toBe("Named")
        expect(readdirSync(scratch).sort()).toEqual(["cache", "hostile.tar"])
        expect(existsSync("/tmp/ktstr-escaped")).toBe(false)
        expect(readdirSync(join(scratch, "cache")).filter((name) => name.startsWith(".build-"))).toEqual([])
      })
    )
  )

  it.live("refuses a bomb by the sizes it tells, before it is unpacked", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        mkdirSync(join(scratch, "linux"))
        execFileSync("truncate", ["-s", "20G", join(scratch, "linux/zeros")])
        const file = join(scratch, "bomb.tar.gz")
        execFileSync("tar", ["-C", scratch, "-S", "-czf", file, "linux"])
        const error = yield* Effect.flip(checkTarball(file))
        expect(error.message).toContain(`is refused: unpacked it has more than ${16 * 2 ** 30} bytes`)
        const many = yield* Effect.flip(checkTarball(file, { members: 1, bytes: 2 ** 40 }))
        expect(many.message).toContain("is refused: it has more than 1 members")
      })
    )
  )

  it.live("takes the links that kernel trees have, and names with spaces and quotes", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        mkdirSync(join(scratch, "linux/scripts/dtc/include-prefixes"), { recursive: true })
        symlinkSync("../../../arch/arm/boot/dts", join(scratch, "linux/scripts/dtc/include-prefixes/arm"))
        writeFileSync(join(scratch, 'linux/a "b" -> c\nd'), "x")
        for (const [kind, flag] of [
          ["tar", "-cf"],
          ["tar.gz", "-czf"],
          ["tar.xz", "-cJf"]
        ] as const) {
          const file = join(scratch, `good.${kind}`)
          execFileSync("tar", ["-C", scratch, flag, file, "linux"])
          yield* checkTarball(file)
        }
      })
    )
  )

  it.live("says that a tarball was cut short", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        mkdirSync(join(scratch, "linux"))
        writeFileSync(join(scratch, "linux/Kbuild"), "x".repeat(5000))
        execFileSync("sh", [
          "-c",
          `cd "$1" && tar -cJf whole.tar.xz linux && head -c 100 whole.tar.xz > cut.tar.xz`,
          "sh",
          scratch
        ])
        const error = yield* Effect.flip(checkTarball(join(scratch, "cut.tar.xz")))
        expect(error).toMatchObject({ reason: "Fetch" })
        expect(error.message).toMatch(/^extract tarball: /)
      })
    )
  )
})
