// Stores kernels in the cache of its environment, for tests that kill it: one by the key of each argument but the first, which is the directory of
// an entry whose kernel it is, or a number that one is made with. Says when it begins and when it ends.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Effect, Layer } from "effect"
// Only what it needs: it is started sixty times.
import { KernelCache, layerKernelCache } from "../../../core/src/kernel/Cache.ts"
import { bzImage, vmlinux } from "../../../core/test/image/images.ts"

const [what = "0", ...keys] = process.argv.slice(2)

const copied = (directory: string) => {
  const bytes = (name: string) => new Uint8Array(readFileSync(join(directory, name)))
  return { image: bytes("bzImage"), elf: bytes("vmlinux"), config: undefined }
}

const made = (fill: number) => {
  const start = vmlinux(["sched_ext_ops"])
  const elf = new Uint8Array(start.length + 2 ** 20).fill(fill)
  elf.set(start)
  const image = bzImage(gzipSync(elf, { level: 0 }), { version: "7.3.4" })
  return { image, elf, config: new TextEncoder().encode(`CONFIG_FILL=${fill}\n`) }
}

const { config, elf, image } = what.startsWith("/") ? copied(what) : made(Number(what))

const store = Effect.gen(function* () {
  const cache = yield* KernelCache
  for (const key of keys) {
    process.stdout.write("begins\n")
    const entry = yield* cache.store(
      {
        key,
        version: "7.3.4",
        label: "kernel_7_3_4",
        source: { type: "test", description: key, spec: `test:${key}` },
        schedExt: true,
        config,
        image,
        vmlinux: { _tag: "Elf", bytes: elf }
      },
      { replace: true }
    )
    process.stdout.write(`stored ${entry.metadata.image.sha256}\n`)
  }
})

const platform = Layer.provideMerge(NodeCommandExecutor.layer, Layer.mergeAll(NodeFileSystem.layer, NodePath.layer))
await Effect.runPromise(Effect.provide(store, Layer.provideMerge(layerKernelCache, platform)))
