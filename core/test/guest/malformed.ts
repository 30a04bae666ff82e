/** Streams, payloads and programs that each end must refuse in the same words. */
import { encodeFrame } from "../../src/protocol/Frame.ts"

const end = encodeFrame(0x0002, 0, new Uint8Array())
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}
const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const payload = (type: number, ...bytes: ReadonlyArray<number>): Uint8Array =>
  encodeFrame(type, 0, Uint8Array.from(bytes))
const u32 = (value: number): ReadonlyArray<number> => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  value >>> 24
]
const u64 = (value: number): ReadonlyArray<number> => [...u32(value >>> 0), ...u32(Math.floor(value / 2 ** 32))]
const empty = u32(0)

/** Whole frames follow one another in a stream; each is refused at the offset its message names. */
export const streams: Readonly<Record<string, Uint8Array>> = {
  magic: changed(end, 6, 0x4c),
  length: changed(end, 3, 0x7f),
  lengthJustOver: Uint8Array.of(1, 0, 0x80, 0),
  crc: changed(end, 12, end[12]! ^ 1),
  typeFlipped: changed(end, 4, 3),
  sequenceFirst: encodeFrame(2, 1, new Uint8Array()),
  sequenceRepeated: joined(end, end),
  sequenceGap: joined(end, encodeFrame(2, 2, new Uint8Array())),
  torn: joined(end, encodeFrame(2, 1, new Uint8Array()).slice(0, 9)),
  tornInLength: end.slice(0, 3),
  secondMagic: joined(end, changed(encodeFrame(2, 1, new Uint8Array()), 7, 0))
}

export const badCommands: Readonly<Record<string, Uint8Array>> = {
  unknownType: payload(0x0777),
  eventType: payload(0x8001),
  short: payload(0x0003, 1, 2, 3, 4, 5, 6, 7),
  leftOver: payload(0x0002, 9),
  number: payload(0x0003, 0, 0, 0, 0, 0, 0, 0x20, 0),
  list: payload(0x0202, ...u32(0xffffffff)),
  listByOne: payload(0x0202, ...u32(2), ...u32(1)),
  string: payload(0x0102, ...u32(5), 0x61),
  utf8: payload(0x0102, ...u32(2), 0xc3, 0x28),
  utf8Surrogate: payload(0x0102, ...u32(3), 0xed, 0xa0, 0x80),
  utf8Overlong: payload(0x0102, ...u32(2), 0xc0, 0x80),
  processTerminal: payload(
    0x0401,
    ...u32(1),
    ...empty,
    ...empty,
    ...empty,
    ...empty,
    2,
    ...new Array<number>(32).fill(0)
  ),
  processInput: payload(0x0402, ...u32(1), ...u32(4), 0x61, 0x62),
  processEnvironment: payload(0x0401, ...u32(1), ...empty, ...empty, ...u32(9), ...u32(1), 0x61),
  nul: payload(0x0102, ...u32(2), 0x61, 0),
  cpusOrder: payload(0x0204, ...u32(1), ...u32(1), ...u32(2), ...u32(3), ...u32(1)),
  cpusTwice: payload(0x0204, ...u32(1), ...u32(1), ...u32(2), ...u32(3), ...u32(3)),
  bool: payload(
    0x0201,
    ...[...u32(1), ...empty, ...empty, ...u32(1), ...u32(0), ...empty, ...u32(1)],
    ...[...u32(0), 2, ...new Array<number>(20).fill(0)]
  )
}

const nest = (depth: number): ReadonlyArray<number> =>
  depth === 0 ? [...u32(1), 2] : [...u32(1), 22, ...u64(1), ...nest(depth - 1)]
const body = (...nodes: ReadonlyArray<number>): Uint8Array => Uint8Array.of(1, ...empty, ...u32(1), ...nodes, ...empty)

export const badPrograms: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(),
  version: Uint8Array.of(2, ...empty, ...empty, ...empty),
  emptyBody: Uint8Array.of(1, ...empty, ...empty, ...empty),
  opcodeZero: body(0),
  opcode: body(27),
  short: Uint8Array.of(1, ...empty, ...u32(1), 1, 0, 4),
  leftOver: Uint8Array.of(...body(2), 0),
  depth: Uint8Array.of(1, ...empty, ...nest(16), ...empty),
  policy: body(17, 4, ...u32(0)),
  priority: body(17, 1, ...u32(100)),
  flags: body(10, ...u32(0), ...u64(4096), ...u32(2)),
  readFlags: body(14, ...u64(4096), ...u32(4096), ...u64(4096), 4),
  affinityKind: body(18, 3, ...empty),
  affinitySurplus: body(18, 0, ...u32(1), ...u32(0)),
  affinityEmpty: body(18, 2, ...empty),
  spinNothing: body(1, ...u64(0)),
  word: body(5, ...u32(64)),
  slot: body(12, ...u32(8)),
  transfer: body(6, ...u32(0), ...u32(1048577)),
  nice: body(16, ...u32(20)),
  span: body(14, ...u64(4096), ...u32(4096), ...u64(4095), 0),
  direct: body(14, ...u64(4096), ...u32(512), ...u64(4096), 2),
  emptyLoop: body(22, ...u64(1), ...empty),
  emptyCycle: body(24, ...empty),
  execNothing: body(26, ...empty, ...empty)
}
