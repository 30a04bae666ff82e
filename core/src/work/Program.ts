/**
 * Work types as data: a tree of primitives that the guest agent interprets.
 *
 * @since 0.1.0
 */
import { Duration, Either } from "effect"
import { type AffinityTarget, type ProgramLists, type SchedPolicyName, WorkNode } from "./Node.ts"
import { encodeProgram } from "./ProgramCodec.ts"
import { childLists, validate, type WorkProgramError } from "./ProgramLimits.ts"

/**
 * `setup` runs once before the first iteration, `body` again and again until the worker is told to stop, `teardown` once after.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkProgram = ProgramLists

type Nodes = ReadonlyArray<WorkNode>

/** Whole nanoseconds of a duration; a number is milliseconds, a bigint nanoseconds, as everywhere in Effect. */
const nanoseconds = (duration: Duration.DurationInput): number => {
  const nanos = Duration.toNanos(duration)
  return nanos._tag === "Some" ? Number(nanos.value) : Number.MAX_SAFE_INTEGER
}

const channelOf = (node: WorkNode): number => {
  switch (node._tag) {
    case "Post":
    case "Await":
      return node.word
    case "PipeWrite":
    case "PipeRead":
      return node.channel
    case "Lock":
    case "Unlock":
      return node.mutex
    default:
      return -1
  }
}

const highestChannel = (nodes: Nodes): number =>
  nodes.reduce(
    (highest, node) =>
      Math.max(highest, channelOf(node), ...childLists(node).map(([, children]) => highestChannel(children))),
    -1
  )

/**
 * Constructors of nodes and programs.
 *
 * Durations are Effect's `DurationInput`: `"100 micros"`, `Duration.millis(5)`, a number of milliseconds, a bigint of
 * nanoseconds. Sizes are bytes. Nothing is checked here: `validate` and `encode` do.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkProgram = {
  /** `n` dependent arithmetic steps, `n` work units. */
  spin: (n: number): WorkNode => WorkNode.Spin({ n }),
  /** `sched_yield`; wake latency is the length of the call. */
  yieldNow: WorkNode.Yield() as WorkNode,
  /** Sleeps; wake latency is the overshoot. */
  sleep: (duration: Duration.DurationInput): WorkNode => WorkNode.Sleep({ ns: nanoseconds(duration) }),
  /** Adds 1 to the group's futex word and wakes at most `wake` waiters (default 1). */
  post: (word: number, wake = 1): WorkNode => WorkNode.Post({ word, wake }),
  /** Waits until the word differs from what this worker saw last. */
  await: (word: number): WorkNode => WorkNode.Await({ word }),
  pipeWrite: (channel: number, bytes = 1): WorkNode => WorkNode.PipeWrite({ channel, bytes }),
  pipeRead: (channel: number, bytes = 1): WorkNode => WorkNode.PipeRead({ channel, bytes }),
  /** Read-modify-write of one byte every `stride` of a private buffer, `passes` times over. */
  walk: (bytes: number, stride: number, passes = 1): WorkNode => WorkNode.Walk({ bytes, stride, passes }),
  /** n×n integer multiply. */
  matmul: (n: number, reps = 1): WorkNode => WorkNode.Matmul({ n, reps }),
  /** Maps an anonymous region in a slot (0–7), replacing what was there. */
  map: (slot: number, bytes: number, options?: { readonly noHugePages?: boolean }): WorkNode =>
    WorkNode.Map({ slot, bytes, noHugePages: options?.noHugePages ?? false }),
  /** Writes one byte in each of so many pages. */
  touch: (slot: number, pages: number, options?: { readonly random?: boolean }): WorkNode =>
    WorkNode.Touch({ slot, pages, random: options?.random ?? false }),
  /** `MADV_DONTNEED` for the whole region. */
  discard: (slot: number): WorkNode => WorkNode.Discard({ slot }),
  /** Appends to a private file, starting over at 16 MiB. */
  fileWrite: (bytes: number, block = 4096): WorkNode => WorkNode.FileWrite({ bytes, block }),
  /** Reads from the first `span` bytes (default 16 MiB) of the private file. */
  fileRead: (
    bytes: number,
    block = 4096,
    options?: { readonly span?: number; readonly random?: boolean; readonly direct?: boolean }
  ): WorkNode =>
    WorkNode.FileRead({
      bytes,
      block,
      span: options?.span ?? 16 * 1024 * 1024,
      random: options?.random ?? false,
      direct: options?.direct ?? false
    }),
  fileSync: WorkNode.FileSync() as WorkNode,
  setNice: (nice: number): WorkNode => WorkNode.SetNice({ nice }),
  /** Policies the kernel refuses are skipped and counted in a log line. */
  setPolicy: (policy: SchedPolicyName, priority = 0): WorkNode => WorkNode.SetPolicy({ policy, priority }),
  setAffinity: (target: AffinityTarget): WorkNode => WorkNode.SetAffinity({ target }),
  /** Forks a child that exits at once, and waits for it. */
  forkExit: WorkNode.ForkExit() as WorkNode,
  lock: (mutex: number): WorkNode => WorkNode.Lock({ mutex }),
  unlock: (mutex: number): WorkNode => WorkNode.Unlock({ mutex }),
  repeat: (n: number, body: Nodes): WorkNode => WorkNode.Repeat({ n, body }),
  /** Repeats its body until so much wall time has passed. */
  forDuration: (duration: Duration.DurationInput, body: Nodes): WorkNode =>
    WorkNode.ForDuration({ ns: nanoseconds(duration), body }),
  /** Each execution runs the next of its branches. */
  cycle: (branches: ReadonlyArray<Nodes>): WorkNode => WorkNode.Cycle({ branches }),
  /** Runs the branch of the worker's role; the last one serves all higher roles. */
  roles: (branches: ReadonlyArray<Nodes>): WorkNode => WorkNode.Roles({ branches }),
  /** Replaces the worker by an executable that finds its telemetry page in `KTSTR_TELEMETRY`. */
  exec: (path: string, argv: ReadonlyArray<string> = [path]): WorkNode => WorkNode.Exec({ path, argv }),

  make: (lists: { readonly setup?: Nodes; readonly body: Nodes; readonly teardown?: Nodes }): WorkProgram => ({
    setup: lists.setup ?? [],
    body: lists.body,
    teardown: lists.teardown ?? []
  }),

  /** The `channels` of the program's `SPAWN`: highest word, pipe or mutex index plus one; 0 when it uses none. */
  channels: (program: WorkProgram): number =>
    1 + Math.max(highestChannel(program.setup), highestChannel(program.body), highestChannel(program.teardown)),

  /** The program when the agent can run it: non-empty body, every operand within its bounds. */
  validate,

  /** The bytes of `SPAWN.program`. */
  encode: (program: WorkProgram): Either.Either<Uint8Array, WorkProgramError> =>
    Either.map(validate(program), encodeProgram)
} as const
