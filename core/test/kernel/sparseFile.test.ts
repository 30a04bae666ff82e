import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { dataExtents, writeDurably } from "../../src/kernel/sparseFile.ts"

const block = 64 * 1024

const patched = (size: number, ...at: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (const offset of at) bytes[offset] = 7
  return bytes
}

it("finds the data between blocks of zeroes", () => {
  expect(dataExtents(new Uint8Array())).toEqual([])
  expect(dataExtents(patched(3 * block))).toEqual([])
  expect(dataExtents(patched(10, 9))).toEqual([[0, 10]])
  // Zeroes within a block are data, and so is a last block that is not whole.
  expect(dataExtents(patched(5 * block + 1, block - 1, 2 * block, 3 * block, 5 * block))).toEqual([
    [0, block],
    [2 * block, 4 * block],
    [5 * block, 5 * block + 1]
  ])
})

it.scoped("writes a file that reads the same and takes less of the disk", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/file`
    // Ends in a hole, and replaces a file that was longer.
    for (const bytes of [patched(40 * block, 0), patched(33 * block + 5, 3, 20 * block)]) {
      yield* writeDurably(fs, file, bytes)
      expect(Buffer.compare(yield* fs.readFile(file), bytes)).toBe(0)
    }
    const blocks = Option.getOrThrow((yield* fs.stat(file)).blocks)
    // Of 512 bytes each (stat(2)).
    expect(blocks * 512).toBeLessThan(8 * block)
  }).pipe(Effect.provide(NodeContext.layer))
)
