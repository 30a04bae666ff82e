/**
 * One number for everything an agent said.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import type { Frame } from "./Frame.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface EventHash {
  /** Takes the next frame. */
  readonly add: (frame: Frame) => void
  /** Lower-case hex SHA-256 of the frames so far. Further frames may follow. */
  readonly digest: () => string
}

/**
 * Hashes frames whichever way and in whatever pieces they came: type, sequence number, length and payload of each.
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
