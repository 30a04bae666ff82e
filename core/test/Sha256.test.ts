import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { sha256Hex, sha256OfFile, sha256OfParts } from "../src/base/Sha256.ts"

const mib = 2 ** 20
const content = randomBytes(5 * mib + 3)
const expected = createHash("sha256").update(content).digest("hex")

describe("SHA-256", () => {
  it("is the same of bytes, of their parts and of a file", async () => {
    const parts = [
      content.subarray(0, 1),
      content.subarray(1, 1),
      content.subarray(1, 3 * mib),
      content.subarray(3 * mib)
    ]
    expect(await Effect.runPromise(sha256Hex(content))).toBe(expected)
    expect(await Effect.runPromise(sha256OfParts(parts))).toBe(expected)
    const folder = mkdtempSync(join(tmpdir(), "test-sha256-"))
    try {
      const file = join(folder, "content")
      writeFileSync(file, content)
      expect(await Effect.runPromise(Effect.provide(sha256OfFile(file), NodeContext.layer))).toBe(expected)
      expect(
        await Effect.runPromise(Effect.flip(Effect.provide(sha256OfFile(folder), NodeContext.layer)))
      ).toMatchObject({ _tag: "SystemError" })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("leaves a turn of the event loop to others after each slice", async () => {
    let turns = 0
    const count = () => {
      turns++
      counter = setImmediate(count)
    }
    let counter = setImmediate(count)
    await Effect.runPromise(sha256Hex(content))
    clearImmediate(counter)
    expect(turns).toBeGreaterThanOrEqual(20)
  })
})
