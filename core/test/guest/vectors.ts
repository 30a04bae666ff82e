/** The lines of core/test/vectors/protocol.txt, generated from the samples. */
import { Either } from "effect"
import { decodeEvent, encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { decodeCommand, encodeCommand } from "../../src/protocol/Command.ts"
import { makeFrameDecoder } from "../../src/protocol/Frame.ts"
import { WireError } from "../../src/protocol/Wire.ts"
import { WorkProgram } from "../../src/work/Program.ts"
import { decodeProgram } from "../../src/work/ProgramCodec.ts"
import { badCommands, badPrograms, streams } from "./malformed.ts"
import { commands, events, programs } from "./samples.ts"

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Canonical text: fields in wire order, strings as JSON, lists in brackets. */
export const dump = (value: unknown): string => {
  if (value === undefined) return "none"
  if (typeof value === "bigint") return `0x${value.toString(16)}`
  if (typeof value === "string") return JSON.stringify(value)
  if (value instanceof Uint8Array) return `hex:${hex(value)}`
  if (Array.isArray(value)) return `[${value.map(dump).join(",")}]`
  if (typeof value === "object" && value !== null) {
    const { _tag, ...fields } = value as Record<string, unknown>
    const text = Object.entries(fields).map(([name, field]) => `${name}=${dump(field)}`)
    return `${_tag ?? ""}{${text.join(",")}}`
  }
  return String(value)
}

/** The only frame of these bytes. */
const frameOf = (bytes: Uint8Array) => {
  const { frames, error } = makeFrameDecoder().push(bytes)
  if (error !== undefined || frames.length !== 1) throw new Error(`not one frame: ${error?.message}`)
  return frames[0]!
}

const line = (...fields: ReadonlyArray<string>): string => fields.join("\t")

const streamError = (bytes: Uint8Array): string => {
  const decoder = makeFrameDecoder()
  return (decoder.push(bytes).error ?? decoder.end())?.message ?? "accepted"
}

/** Returns this end's error for a program: the wire's, or the check's without the path to the node. */
export const programError = (bytes: Uint8Array): string => {
  try {
    const checked = WorkProgram.validate(decodeProgram(bytes))
    return Either.isRight(checked)
      ? "accepted"
      : checked.left.message.replace(/^Work program, body(\[\d+\] \(\w+\): )?/, (_, node) =>
          node === undefined ? "body" : ""
        )
  } catch (error) {
    if (error instanceof WireError) return error.message
    throw error
  }
}

export const vectorLines = (): ReadonlyArray<string> => [
  "# Golden vectors of docs/protocol.md, read by core/test/guest and native/agent/test. Tab-separated: kind, name, hex, text.",
  "# command, event: a whole frame with sequence number 0 and its canonical text. program: bytes of SPAWN.program.",
  "# bad-stream, bad-command, bad-program: bytes that are refused, and the error.",
  "# Made by KTSTR_UPDATE_VECTORS=1 npx vitest run core/test/guest/Vectors.test.ts; a change here is a change of the protocol.",
  ...commands.map((command, index) => {
    const bytes = encodeCommand(command, 0)
    return line(
      "command",
      `${command._tag}-${index}`,
      hex(bytes),
      dump(Either.getOrThrow(decodeCommand(frameOf(bytes))))
    )
  }),
  ...events.map((event) => {
    const bytes = encodeEvent(event, 0)
    return line("event", event._tag, hex(bytes), dump(Either.getOrThrow(decodeEvent(frameOf(bytes)))))
  }),
  ...Object.entries(programs).map(([name, program]) => {
    const bytes = Either.getOrThrow(WorkProgram.encode(program))
    return line("program", name, hex(bytes), dump(decodeProgram(bytes)))
  }),
  ...Object.entries(streams).map(([name, bytes]) => line("bad-stream", name, hex(bytes), streamError(bytes))),
  ...Object.entries(badCommands).map(([name, bytes]) => {
    const decoded = decodeCommand(frameOf(bytes))
    return line("bad-command", name, hex(bytes), Either.isLeft(decoded) ? decoded.left.message : "accepted")
  }),
  ...Object.entries(badPrograms).map(([name, bytes]) => line("bad-program", name, hex(bytes), programError(bytes)))
]
