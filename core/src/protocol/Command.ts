/**
 * Commands from the host or a plan to the agent (docs/protocol.md, "Commands").
 *
 * @since 0.1.0
 */
import { Data, type Either } from "effect"
import { concatBytes } from "../base/index.ts"
import { bool, bytes, type Codec, cpus, i32, list, opt, str, struct, u8, u32, u64 } from "./Codec.ts"
import type { Frame, ProtocolError } from "./Frame.ts"
import { type MessageCodec, makeMessageCodec } from "./Message.ts"

/**
 * Memory policy of a worker: the kernel's mode number and flags (include/uapi/linux/mempolicy.h).
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestMemPolicy {
  readonly mode: number
  readonly flags: number
  readonly nodes: ReadonlyArray<number>
}

/**
 * Placement of one worker. `policy` is the kernel's number.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestWorker {
  readonly index: number
  readonly affinity: ReadonlyArray<number> | undefined
  readonly policy: number
  readonly priority: number
  readonly nice: number
  readonly memPolicy: GuestMemPolicy | undefined
}

/**
 * A program to run in the guest, and how its streams are connected to the host.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestProgram {
  /** Cgroup, relative to the cgroup2 mount; "": the root. */
  readonly cgroup: string
  /** The program and its arguments; a program without a slash is looked up in `PATH`. */
  readonly argv: ReadonlyArray<string>
  /** Environment variables besides `PATH` and `HOME`, which may be overridden. */
  readonly environment: ReadonlyArray<{ readonly name: string; readonly value: string }>
  /** Working directory; "": the root. */
  readonly directory: string
  /** Size of its controlling terminal; undefined: it has pipes instead. */
  readonly terminal: { readonly rows: number; readonly columns: number } | undefined
  /** Without a terminal: whether `ProcInput` feeds it; otherwise it reads `/dev/null`. */
  readonly input: boolean
  /** Nanoseconds after which it is killed; 0: never. */
  readonly deadlineNs: number
  /** Bytes of output that the agent may send; `ProcCredit` adds more. */
  readonly credit: number
  /** What happens without credit. True: the process waits, and nothing is lost; false: its output is counted and dropped. */
  readonly paced: boolean
}

/**
 * How the agent starts and stops the scheduler under test.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestScheduler {
  readonly name: string
  /**
   * Whether the scheduler is part of the kernel. If so, `start` and `stop` are commands that exit with status 0; otherwise `start` is the scheduler's
   * program.
   */
  readonly builtin: boolean
  readonly start: ReadonlyArray<string>
  readonly stop: ReadonlyArray<string>
  readonly startTimeoutNs: number
  /** How long a worker may be runnable without running; 0: forever. */
  readonly watchdogNs: number
  /** Timeout of the kernel's own watchdog in milliseconds; 0: the scheduler's own. */
  readonly timeoutMs: number
}

/**
 * A command. Cgroup paths are relative to the cgroup2 mount, durations are nanoseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Command = Data.TaggedEnum<{
  Config: {
    readonly symbols: ReadonlyArray<string>
    readonly sysctls: ReadonlyArray<{ readonly name: string; readonly value: string }>
  }
  End: {}
  Hold: { readonly ns: number }
  StepBegin: { readonly index: number; readonly count: number; readonly label: string }
  StepEnd: { readonly index: number }
  LoopBegin: { readonly totalNs: number; readonly intervalNs: number }
  LoopEnd: {}
  Mark: { readonly kind: string; readonly detail: string }
  /** From now until the guest's end, raises timer interrupts on every CPU at times that the seed determines, `meanNs` apart on average. */
  Interrupts: { readonly seed: number; readonly meanNs: number }
  CgroupCreate: { readonly path: string; readonly controllers: ReadonlyArray<string> }
  CgroupRemove: { readonly path: string }
  CgroupWrite: { readonly path: string; readonly file: string; readonly value: string }
  /** Answered by `CgroupFile` before the reply. */
  CgroupRead: { readonly path: string; readonly file: string }
  CgroupMoveAll: { readonly from: string; readonly to: string }
  CgroupMoveGroup: { readonly group: number; readonly to: string }
  Spawn: {
    readonly group: number
    readonly cgroup: string
    readonly label: string
    readonly groupSize: number
    readonly channels: number
    readonly program: Uint8Array
    readonly workers: ReadonlyArray<GuestWorker>
  }
  Start: { readonly groups: ReadonlyArray<number> }
  Stop: { readonly groups: ReadonlyArray<number> }
  SetAffinity: { readonly group: number; readonly cpus: ReadonlyArray<ReadonlyArray<number>> }
  ReadCounters: {}
  KillWorker: { readonly group: number; readonly index: number; readonly signal: number }
  /** How long after its release each worker of the group begins; must precede the group's `Start`. */
  StartOffsets: { readonly group: number; readonly ns: ReadonlyArray<number> }
  SchedConfig: GuestScheduler
  SchedStart: {}
  SchedStop: {}
  ProcRun: GuestProgram & { readonly id: number }
  /** Empty: the end of its input. */
  ProcInput: { readonly id: number; readonly bytes: Uint8Array }
  ProcResize: { readonly id: number; readonly rows: number; readonly columns: number }
  ProcWait: { readonly id: number; readonly timeoutNs: number }
  ProcKill: { readonly id: number; readonly signal: number }
  ProcCredit: { readonly id: number; readonly bytes: number }
  /** Sends `signal` to the processes that still run (0: only waits), and kills those left after the grace period. */
  ProcStop: { readonly ids: ReadonlyArray<number>; readonly signal: number; readonly graceNs: number }
}>

/**
 * Constructors of the commands.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Command: Data.TaggedEnum.Constructor<Command> = Data.taggedEnum<Command>()

const none: Codec<{}> = struct({})
const worker: Codec<GuestWorker> = struct({
  index: u32,
  affinity: opt(cpus),
  policy: u8,
  priority: u32,
  nice: i32,
  memPolicy: opt(struct({ mode: u8, flags: u32, nodes: list(u32) }))
})

const codec: MessageCodec<Command> = makeMessageCodec<Command>({
  Config: { type: 0x0001, payload: struct({ symbols: list(str), sysctls: list(struct({ name: str, value: str })) }) },
  End: { type: 0x0002, payload: none },
  Hold: { type: 0x0003, payload: struct({ ns: u64 }) },
  StepBegin: { type: 0x0004, payload: struct({ index: u32, count: u32, label: str }) },
  StepEnd: { type: 0x0005, payload: struct({ index: u32 }) },
  LoopBegin: { type: 0x0006, payload: struct({ totalNs: u64, intervalNs: u64 }) },
  LoopEnd: { type: 0x0007, payload: none },
  Mark: { type: 0x0008, payload: struct({ kind: str, detail: str }) },
  Interrupts: { type: 0x0009, payload: struct({ seed: u64, meanNs: u64 }) },
  CgroupCreate: { type: 0x0101, payload: struct({ path: str, controllers: list(str) }) },
  CgroupRemove: { type: 0x0102, payload: struct({ path: str }) },
  CgroupWrite: { type: 0x0103, payload: struct({ path: str, file: str, value: str }) },
  CgroupMoveAll: { type: 0x0104, payload: struct({ from: str, to: str }) },
  CgroupMoveGroup: { type: 0x0105, payload: struct({ group: u32, to: str }) },
  CgroupRead: { type: 0x0106, payload: struct({ path: str, file: str }) },
  Spawn: {
    type: 0x0201,
    payload: struct({
      group: u32,
      cgroup: str,
      label: str,
      groupSize: u32,
      channels: u32,
      program: bytes,
      workers: list(worker)
    })
  },
  Start: { type: 0x0202, payload: struct({ groups: list(u32) }) },
  Stop: { type: 0x0203, payload: struct({ groups: list(u32) }) },
  SetAffinity: { type: 0x0204, payload: struct({ group: u32, cpus: list(cpus) }) },
  ReadCounters: { type: 0x0205, payload: none },
  KillWorker: { type: 0x0206, payload: struct({ group: u32, index: u32, signal: u32 }) },
  StartOffsets: { type: 0x0207, payload: struct({ group: u32, ns: list(u32) }) },
  SchedConfig: {
    type: 0x0301,
    payload: struct({
      name: str,
      builtin: bool,
      start: list(str),
      stop: list(str),
      startTimeoutNs: u64,
      watchdogNs: u64,
      timeoutMs: u32
    })
  },
  SchedStart: { type: 0x0302, payload: none },
  SchedStop: { type: 0x0303, payload: none },
  ProcRun: {
    type: 0x0401,
    payload: struct({
      id: u32,
      cgroup: str,
      argv: list(str),
      environment: list(struct({ name: str, value: str })),
      directory: str,
      terminal: opt(struct({ rows: u32, columns: u32 })),
      input: bool,
      deadlineNs: u64,
      credit: u64,
      paced: bool
    })
  },
  ProcInput: { type: 0x0402, payload: struct({ id: u32, bytes }) },
  ProcResize: { type: 0x0403, payload: struct({ id: u32, rows: u32, columns: u32 }) },
  ProcWait: { type: 0x0404, payload: struct({ id: u32, timeoutNs: u64 }) },
  ProcKill: { type: 0x0405, payload: struct({ id: u32, signal: u32 }) },
  ProcCredit: { type: 0x0406, payload: struct({ id: u32, bytes: u64 }) },
  ProcStop: { type: 0x0407, payload: struct({ ids: list(u32), signal: u32, graceNs: u64 }) }
})

/**
 * Encodes a command as a frame. Throws if a number does not fit its field.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeCommand = (command: Command, seq: number): Uint8Array => codec.encode(command, seq)

/**
 * Decodes a command; an unknown type or malformed payload is a `ProtocolError` at the frame's offset.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeCommand = (frame: Frame): Either.Either<Command, ProtocolError> => codec.decode(frame)

/**
 * Encodes the file `/ktstr/plan`: the commands as frames numbered from 0.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodePlan = (commands: Iterable<Command>): Uint8Array => {
  const frames = Array.from(commands, (command, seq) => encodeCommand(command, seq))
  return concatBytes(frames)
}
