/**
 * SHA-256 in slices, so that a large file does not block the event loop.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { FileSystem } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect, Stream } from "effect"
import { nextTurn } from "./Turn.ts"

/** Bytes that are hashed in one turn of the event loop: 1 ms without the CPU's SHA instructions. Several runs may hash in the same turn. */
const sliceBytes = 2 ** 18

/**
 * Returns the SHA-256 digest of consecutive parts as lower-case hex.
 *
 * @since 0.2.0
 * @category hashing
 */
export const sha256OfParts = (parts: ReadonlyArray<Uint8Array>): Effect.Effect<string> =>
  Effect.gen(function* () {
    const hash = createHash("sha256")
    let inTurn = 0
    for (const part of parts) {
      for (let at = 0; at < part.length; at += sliceBytes) {
        const slice = part.subarray(at, at + sliceBytes)
        if (inTurn + slice.length > sliceBytes) {
          yield* nextTurn
          inTurn = 0
        }
        hash.update(slice)
        inTurn += slice.length
      }
    }
    return hash.digest("hex")
  })

/**
 * Returns the SHA-256 digest as lower-case hex.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256Hex = (bytes: Uint8Array): Effect.Effect<string> => sha256OfParts([bytes])

/**
 * Returns the SHA-256 digest of a file as lower-case hex, without reading all of it into memory.
 *
 * @since 0.2.0
 * @category hashing
 */
export const sha256OfFile = (path: string): Effect.Effect<string, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const hash = createHash("sha256")
    yield* Stream.runForEach(fs.stream(path, { chunkSize: sliceBytes }), (chunk) =>
      Effect.sync(() => hash.update(chunk))
    )
    return hash.digest("hex")
  })
