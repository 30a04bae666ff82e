/**
 * A hash of everything an agent sent.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import type { Frame } from "./Frame.ts"

/**
 * A running hash of frames.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventHash {
  /** Adds the next frame. */
  readonly add: (frame: Frame) => void
  /** Returns the SHA-256 of the frames so far in lower-case hex. More frames may follow. */
  readonly digest: () => string
}

/**
 * Makes a hash of frames that does not depend on transport or chunking: it covers type, sequence number, length and payload of each frame.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEventHash = (): EventHash => {
  const hash = createHash("sha256")
  return {
    add: ({ payload, seq, type }) => {
      const head = new Uint8Array(12)
      const view = new DataView(head.buffer)
      view.setUint32(0, type, true)
      view.setUint32(4, seq, true)
      view.setUint32(8, payload.length, true)
      hash.update(head).update(payload)
    },
    digest: () => hash.copy().digest("hex")
  }
}
