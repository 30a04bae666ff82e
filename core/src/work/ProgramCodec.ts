/**
 * Encodes and decodes work programs (docs/protocol.md, "Work programs").
 *
 * @since 0.1.0
 */

import {
  bool,
  type Codec,
  cpus,
  i32,
  list,
  str,
  struct,
  u8,
  u32,
  u64,
  WireError,
  WireReader,
  WireWriter
} from "../protocol/index.ts"
import { type ProgramLists, type SchedPolicyName, SchedPolicyNumber, WorkNode } from "./Node.ts"

const version = 1
const maxDepth = 16

type Tag = WorkNode["_tag"]
type Operands<T extends Tag> = Omit<Extract<WorkNode, { readonly _tag: T }>, "_tag">
interface Op<T extends Tag> {
  readonly opcode: number
  readonly codec: Codec<Operands<T>>
}

const mapped = <A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> => ({
  size: codec.size,
  write: (w, value) => codec.write(w, from(value)),
  read: (r) => to(codec.read(r))
})

/** Maps the bits of a flag word to names; an unknown bit is malformed. */
const flags = <N extends string>(word: Codec<number>, names: ReadonlyArray<N>): Codec<Record<N, boolean>> =>
  mapped(
    word,
    (value) => {
      if (value >= 2 ** names.length) {
        throw new WireError(`flags ${value} are unknown`)
      }
      return Object.fromEntries(names.map((name, bit) => [name, (value & (1 << bit)) !== 0])) as Record<N, boolean>
    },
    (value) => names.reduce((bits, name, bit) => bits | (value[name] ? 1 << bit : 0), 0)
  )

const policyNames = new Map(
  Object.entries(SchedPolicyNumber).map(([name, number]) => [number, name as SchedPolicyName])
)

const policy: Codec<SchedPolicyName> = mapped(
  u8,
  (number) => {
    const name = policyNames.get(number as 0)
    if (name === undefined) {
      throw new WireError(`policy ${number} is unknown`)
    }
    return name
  },
  (name) => SchedPolicyNumber[name]
)

const nodes: Codec<ReadonlyArray<WorkNode>> = {
  size: 4,
  write: (w, values) => list(node).write(w, values),
  read: (r) => r.nested(maxDepth, () => list(node).read(r))
}
const branches: Codec<ReadonlyArray<ReadonlyArray<WorkNode>>> = list(nodes)
const none: Codec<{}> = struct({})

const affinity: Codec<Operands<"SetAffinity">> = mapped(
  struct({ kind: u8, cpus }),
  ({ kind, cpus }): Operands<"SetAffinity"> => {
    if (kind > 2) {
      throw new WireError(`affinity kind ${kind} is unknown`)
    }
    if (kind < 2 && cpus.length > 0) {
      throw new WireError(`affinity kind ${kind} takes no CPUs`)
    }
    return { target: kind === 0 ? "random" : kind === 1 ? "initial" : cpus }
  },
  ({ target }) =>
    target === "random"
      ? { kind: 0, cpus: [] }
      : target === "initial"
        ? { kind: 1, cpus: [] }
        : { kind: 2, cpus: target }
)

const ops: { readonly [T in Tag]: Op<T> } = {
  Spin: { opcode: 1, codec: struct({ n: u64 }) },
  Yield: { opcode: 2, codec: none },
  Sleep: { opcode: 3, codec: struct({ ns: u64 }) },
  Post: { opcode: 4, codec: struct({ word: u32, wake: u32 }) },
  Await: { opcode: 5, codec: struct({ word: u32 }) },
  PipeWrite: { opcode: 6, codec: struct({ channel: u32, bytes: u32 }) },
  PipeRead: { opcode: 7, codec: struct({ channel: u32, bytes: u32 }) },
  Walk: { opcode: 8, codec: struct({ bytes: u64, stride: u32, passes: u32 }) },
  Matmul: { opcode: 9, codec: struct({ n: u32, reps: u32 }) },
  Map: {
    opcode: 10,
    codec: mapped(
      struct({ slot: u32, bytes: u64, flags: flags(u32, ["noHugePages"]) }),
      ({ slot, bytes, flags }) => ({ slot, bytes, ...flags }),
      ({ slot, bytes, ...flags }) => ({ slot, bytes, flags })
    )
  },
  Touch: { opcode: 11, codec: struct({ slot: u32, pages: u32, random: bool }) },
  Discard: { opcode: 12, codec: struct({ slot: u32 }) },
  FileWrite: { opcode: 13, codec: struct({ bytes: u64, block: u32 }) },
  FileRead: {
    opcode: 14,
    codec: mapped(
      struct({ bytes: u64, block: u32, span: u64, flags: flags(u8, ["random", "direct"]) }),
      ({ bytes, block, span, flags }) => ({ bytes, block, span, ...flags }),
      ({ bytes, block, span, ...flags }) => ({ bytes, block, span, flags })
    )
  },
  FileSync: { opcode: 15, codec: none },
  SetNice: { opcode: 16, codec: struct({ nice: i32 }) },
  SetPolicy: { opcode: 17, codec: struct({ policy, priority: u32 }) },
  SetAffinity: { opcode: 18, codec: affinity },
  ForkExit: { opcode: 19, codec: none },
  Lock: { opcode: 20, codec: struct({ mutex: u32 }) },
  Unlock: { opcode: 21, codec: struct({ mutex: u32 }) },
  Repeat: { opcode: 22, codec: struct({ n: u64, body: nodes }) },
  ForDuration: { opcode: 23, codec: struct({ ns: u64, body: nodes }) },
  Cycle: { opcode: 24, codec: struct({ branches }) },
  Roles: { opcode: 25, codec: struct({ branches }) },
  Exec: { opcode: 26, codec: struct({ path: str, argv: list(str) }) }
}

const tagByOpcode = new Map(Object.entries(ops).map(([tag, op]) => [op.opcode, tag as Tag]))

const node: Codec<WorkNode> = {
  size: 1,
  write: (w, value) => {
    const op = ops[value._tag] as Op<Tag>
    w.u8(op.opcode)
    op.codec.write(w, value)
  },
  read: (r) => {
    const at = r.position
    const opcode = r.u8()
    const tag = tagByOpcode.get(opcode)
    if (tag === undefined) {
      throw new WireError(`opcode ${opcode} at byte ${at} is unknown`)
    }
    return WorkNode[tag](ops[tag].codec.read(r) as never)
  }
}

const lists = struct({ setup: nodes, body: nodes, teardown: nodes })

/**
 * Encodes a valid program.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeProgram = (program: ProgramLists): Uint8Array => {
  const writer = new WireWriter()
  writer.u8(version)
  lists.write(writer, program)
  return writer.finish()
}

/**
 * Decodes a program. Throws a `WireError` if the bytes are malformed; `WorkProgram.validate` checks the bounds of operands.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeProgram = (bytes: Uint8Array): ProgramLists => {
  const reader = new WireReader(bytes)
  const read = reader.u8()
  if (read !== version) {
    throw new WireError(`program version ${read} is not ${version}`)
  }
  const program = lists.read(reader)
  reader.end()
  return program
}
