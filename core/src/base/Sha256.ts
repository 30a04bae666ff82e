/**
 * SHA-256 through the Web Crypto API, which every supported runtime has.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"

/**
 * Returns the SHA-256 digest as lower-case hex.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256Hex = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)),
    (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )
