import { spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { KernelCache, layerKernelCache } from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer } from "effect"
import { zstdCodec } from "../src/codec/index.ts"
import { readDebConfig, readDebImage } from "../src/sources/DebImage.ts"
import { downloadImage, fetchKernel } from "../src/sources/DistroPackages.ts"

const inFolder = <A, E>(body: (root: string) => Effect.Effect<A, E, NodeContext.NodeContext>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-distro-"))),
    (root) => Effect.provide(body(root), NodeContext.layer),
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

/** A Debian package with these files, made by dpkg-deb itself. */
const buildDeb = (root: string, files: Readonly<Record<string, Uint8Array>>): string => {
  const tree = join(root, "tree")
  mkdirSync(join(tree, "DEBIAN"), { recursive: true })
  writeFileSync(
    join(tree, "DEBIAN/control"),
    "Package: linux-binary-7-amd64\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody <n@example.org>\nDescription: test\n"
  )
  for (const [path, data] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), data)
  }
  const deb = join(root, "package.deb")
  const built = spawnSync("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree, deb], { encoding: "utf8" })
  if (built.status !== 0) throw new Error(built.stderr)
  return deb
}

const image = new Uint8Array(randomBytes(100_000))

describe("readDebImage", () => {
  for (const place of ["boot/vmlinuz-6.1.0-37-amd64", "usr/lib/modules/7.3.4+deb13-amd64/vmlinuz"]) {
    it.effect(`takes ./${place} out of the package`, () =>
      inFolder((root) =>
        Effect.gen(function* () {
          const files = { "boot/config-1": new Uint8Array(10), [place]: image, "usr/share/doc/x": new Uint8Array(9000) }
          expect(yield* readDebImage(buildDeb(root, files))).toEqual(image)
        })
      )
    )
  }

  for (const place of ["boot/config-6.1.0-37-amd64", "usr/src/linux-headers-7.3.4+deb13-amd64/.config"]) {
    it.effect(`finds the configuration at /${place}`, () =>
      inFolder((root) =>
        Effect.gen(function* () {
          const config = new TextEncoder().encode("CONFIG_HZ=250\n")
          const deb = buildDeb(root, { [place]: config, "usr/share/doc/x": new Uint8Array(9) })
          expect(yield* readDebConfig(deb)).toEqual(config)
        })
      )
    )
  }

  it.effect("says when there is no image in it, and when it is no package", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const deb = buildDeb(root, { "usr/share/doc/x": new Uint8Array(9) })
        expect((yield* Effect.flip(readDebImage(deb))).message).toBe(
          `${deb} cannot be unpacked: it holds no kernel image`
        )
        writeFileSync(deb, "no package")
        const error = yield* Effect.flip(readDebImage(deb))
        expect(error.reason).toBe("Fetch")
        expect(error.message).toContain("cannot be unpacked: dpkg-deb:")
      })
    )
  )
})

describe("downloadImage", () => {
  it.effect("refuses a package that is not the one of the index", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const deb = buildDeb(root, { "boot/vmlinuz-1": image })
        const bytes = readFileSync(deb)
        const sha256 = createHash("sha256").update(bytes).digest("hex")
        const archive = { download: () => Effect.succeed(deb) }
        const wanted = { name: "linux-binary-1", version: "1", suite: "s", size: bytes.length, filename: "pool/x.deb" }
        const stages: Array<string> = []
        const report = (stage: string) => Effect.sync(() => void stages.push(stage))
        expect(yield* downloadImage(archive, { ...wanted, sha256 }, report)).toEqual(image)
        expect(stages).toEqual(["download", "verify", "extract"])
        const other = "0".repeat(64)
        const error = yield* Effect.flip(downloadImage(archive, { ...wanted, sha256: other }, report))
        expect(error).toMatchObject({ reason: "Fetch" })
        expect(error.message).toContain(
          `has SHA-256 ${sha256} (${bytes.length} bytes), the archive's index says ${other}`
        )
      })
    )
  )
})

describe("fetchKernel", () => {
  it.live("is a cache hit without the archive when an entry fits", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const cache = yield* KernelCache
        const store = (version: string, schedExt: boolean) =>
          cache.store({
            key: `${version}-distro-x86_64`,
            version,
            label: "label",
            source: { type: "distro", description: version, spec: `distro:trixie/linux-binary-${version}` },
            schedExt,
            image,
            vmlinux: { _tag: "Absent", reason: "test" }
          })
        yield* store("7.2.0-amd64", true)
        yield* store("7.3.0-amd64", true)
        yield* store("7.4.0-amd64", false)
        const version = (spec: string | undefined) =>
          Effect.map(fetchKernel({ spec }), ({ metadata }) => metadata.version)
        expect(yield* version(undefined)).toBe("7.3.0-amd64")
        expect(yield* version("distro:7.2")).toBe("7.2.0-amd64")
        expect(yield* version("distro:trixie/linux-binary-7*")).toBe("7.4.0-amd64")
      }).pipe(
        Effect.provide(layerKernelCache.pipe(Layer.provideMerge(NodeContext.layer))),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", root]])))
      )
    )
  )
})

describe("zstdCodec", () => {
  /** `zstd` of 300 letters a: a frame with one run-length block (RFC 8878, 3.1.1). */
  const frame = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x2c, 0x00, 0x63, 0x09, 0x00, 0x61])

  it.effect("unpacks a frame and checks the promised size", () =>
    Effect.gen(function* () {
      expect(yield* zstdCodec(frame, 300)).toEqual(new Uint8Array(300).fill(0x61))
      expect(yield* Effect.isFailure(zstdCodec(frame.subarray(0, 7), 300))).toBe(true)
      expect(yield* Effect.isFailure(zstdCodec(new Uint8Array([1, 2, 3, 4]), 300))).toBe(true)
    })
  )
})
