import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readDebImage } from "../src/sources/DebImage.ts"

/** A package of what `fill` puts into a root directory; `tarFlags` rename its members to what dpkg-deb would never write. */
const inPackage = <A, E>(
  fill: (root: string) => void,
  tarFlags: ReadonlyArray<string>,
  body: (deb: string, scratch: string) => Effect.Effect<A, E, NodeContext.NodeContext>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-deb-"))),
    (scratch) => {
      const root = join(scratch, "root")
      mkdirSync(join(root, "boot"), { recursive: true })
      fill(root)
      writeFileSync(join(scratch, "debian-binary"), "2.0\n")
      writeFileSync(join(scratch, "control"), "Package: x\nVersion: 1\nArchitecture: amd64\n")
      execFileSync("tar", ["-C", scratch, "-czf", join(scratch, "control.tar.gz"), "./control"])
      execFileSync("tar", ["-C", root, "-P", ...tarFlags, "-czf", join(scratch, "data.tar.gz"), "boot"])
      execFileSync("ar", ["rc", "x.deb", "debian-binary", "control.tar.gz", "data.tar.gz"], { cwd: scratch })
      return Effect.provide(body(join(scratch, "x.deb"), scratch), NodeContext.layer)
    },
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true }))
  )

it.live("gives the image, and writes nothing", () =>
  inPackage(
    (root) => writeFileSync(join(root, "boot/vmlinuz-7.3.4"), "image"),
    [],
    (deb, scratch) =>
      Effect.gen(function* () {
        const before = readdirSync(scratch)
        expect(Buffer.from(yield* readDebImage(deb)).toString()).toBe("image")
        expect(readdirSync(scratch)).toEqual(before)
      })
  )
)

it.live("takes neither a path that leads out nor a link for the image", () =>
  Effect.gen(function* () {
    const out = ["--transform", "s,^boot/,../../boot/,"]
    for (const [fill, flags] of [
      [(root: string) => writeFileSync(join(root, "boot/vmlinuz-7.3.4"), "image"), out],
      [(root: string) => symlinkSync("/etc/passwd", join(root, "boot/vmlinuz-7.3.4")), []]
    ] as const) {
      yield* inPackage(fill, flags, (deb, scratch) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(readDebImage(deb))
          expect(error.message).toContain("it holds no kernel image")
          expect(existsSync(join(scratch, "../boot"))).toBe(false)
        })
      )
    }
  })
)

it.live(
  "refuses an image that is none by its size, without reading it",
  () =>
    inPackage(
      (root) => execFileSync("truncate", ["-s", "257M", join(root, "boot/vmlinuz-7.3.4")]),
      [],
      (deb) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(readDebImage(deb))
          expect(error.message).toContain("boot/vmlinuz-7.3.4 has 269484032 bytes, more than any kernel image")
        })
    ),
  60_000
)
