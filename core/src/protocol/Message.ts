/**
 * Tagged messages over frames: one table of type numbers and payload codecs gives both encoder and decoder.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { Codec } from "./Codec.ts"
import { encodeFrame, type Frame, ProtocolError } from "./Frame.ts"
import { WireError, WireReader, WireWriter } from "./Wire.ts"

/**
 * Frame type and payload of each variant of `M`.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageTable<M extends { readonly _tag: string }> = {
  readonly [T in M["_tag"]]: {
    readonly type: number
    readonly payload: Codec<Omit<Extract<M, { readonly _tag: T }>, "_tag">>
  }
}

/**
 * Encodes and decodes the messages of a table.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageCodec<M> {
  /** Encodes a message as a complete frame. */
  readonly encode: (message: M, seq: number) => Uint8Array
  /** Decodes the message of a frame; an unknown type or a malformed payload is an error at the frame's offset. */
  readonly decode: (frame: Frame) => Either.Either<M, ProtocolError>
}

/** Converts a tag to its name in docs/protocol.md: `CgroupMoveAll` to `CGROUP_MOVE_ALL`. */
const protocolName = (tag: string): string => tag.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase()

/**
 * Makes the codec of a table. Encoding throws if a value does not fit its field.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMessageCodec = <M extends { readonly _tag: string }>(table: MessageTable<M>): MessageCodec<M> => {
  type Entry = { readonly type: number; readonly payload: Codec<Omit<M, "_tag">> }
  const entries = Object.entries(table) as ReadonlyArray<[M["_tag"], Entry]>
  const byTag = new Map(entries)
  const byType = new Map(entries.map(([tag, entry]) => [entry.type, [tag, entry] as const]))
  return {
    encode: (message, seq) => {
      const { payload, type } = byTag.get(message._tag)!
      const writer = new WireWriter()
      payload.write(writer, message)
      return encodeFrame(type, seq, writer.finish())
    },
    decode: (frame) => {
      const fail = (message: string) =>
        Either.left(new ProtocolError({ offset: frame.offset, message: `Frame at offset ${frame.offset}: ${message}` }))
      const known = byType.get(frame.type)
      if (known === undefined) {
        return fail(`type 0x${frame.type.toString(16).toUpperCase().padStart(4, "0")} is unknown`)
      }
      const [tag, entry] = known
      const reader = new WireReader(frame.payload)
      try {
        const fields = entry.payload.read(reader)
        reader.end()
        return Either.right({ _tag: tag, ...fields } as unknown as M)
      } catch (error) {
        if (error instanceof WireError) {
          return fail(`${protocolName(tag)}: ${error.message}`)
        }
        throw error
      }
    }
  }
}
