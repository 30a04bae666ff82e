import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { decodeEvent } from "../../src/protocol/AgentEvent.ts"
import { decodeCommand } from "../../src/protocol/Command.ts"
import { makeFrameDecoder } from "../../src/protocol/Frame.ts"
import { decodeProgram } from "../../src/work/ProgramCodec.ts"
import { commands, events, programs } from "./samples.ts"
import { vectorLines } from "./vectors.ts"

const path = fileURLToPath(new URL("../vectors/protocol.txt", import.meta.url))

if (process.env.KTSTR_UPDATE_VECTORS === "1") {
  writeFileSync(path, `${vectorLines().join("\n")}\n`)
}

const lines = readFileSync(path, "utf8").trimEnd().split("\n")
const ofKind = (kind: string) =>
  lines.flatMap((text) => {
    const [found, name, hex] = text.split("\t")
    return found === kind ? [{ name: name!, bytes: Uint8Array.from(Buffer.from(hex!, "hex")) }] : []
  })
const frameOf = (bytes: Uint8Array) => makeFrameDecoder().push(bytes).frames[0]!

describe("golden vectors", () => {
  it("are what this end encodes, dumps and refuses", () => {
    expect(vectorLines()).toEqual(lines)
  })

  it("decode to the commands they were made from", () => {
    expect(ofKind("command").map(({ bytes }) => Either.getOrThrow(decodeCommand(frameOf(bytes))))).toEqual(commands)
  })

  it("decode to the events they were made from", () => {
    expect(ofKind("event").map(({ bytes }) => Either.getOrThrow(decodeEvent(frameOf(bytes))))).toEqual(events)
  })

  it("decode to the programs they were made from", () => {
    const decoded = ofKind("program").map(({ name, bytes }) => [name, decodeProgram(bytes)])
    const ascending = JSON.parse(JSON.stringify(programs).replace("[5,1,3]", "[1,3,5]"))
    expect(JSON.parse(JSON.stringify(Object.fromEntries(decoded)))).toEqual(ascending)
  })

  it("refuse every malformed one", () => {
    const refused = lines.filter((text) => text.startsWith("bad-"))
    expect(refused.length).toBeGreaterThan(45)
    expect(refused.filter((text) => text.endsWith("\taccepted"))).toEqual([])
  })
})
