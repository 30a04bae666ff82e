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
 * A work program. `setup` runs once before the first iteration, `body` repeatedly until the worker is stopped, and `teardown` once afterwards.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkProgram = ProgramLists

type Nodes = ReadonlyArray<WorkNode>

/** Converts a duration to whole nanoseconds; a number is milliseconds, a bigint nanoseconds, as everywhere in Effect. */
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
 * Durations are Effect's `DurationInput`: `"100 micros"`, `Duration.millis(5)`, a number of milliseconds, a bigint of nanoseconds. Sizes are bytes.
 * The constructors check nothing; `validate` and `encode` do.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkProgram = {
  /** Runs `n` dependent arithmetic steps, which are `n` work units. */
  spin: (n: number): WorkNode => WorkNode.Spin({ n }),
  /** Calls `sched_yield`; its wake latency is the length of the call. */
  yieldNow: WorkNode.Yield() as WorkNode,
  /** Sleeps; its wake latency is the overshoot. */
  sleep: (duration: Duration.DurationInput): WorkNode => WorkNode.Sleep({ ns: nanoseconds(duration) }),
  /** Adds 1 to the group's futex word and wakes at most `wake` waiters (default 1). */
  post: (word: number, wake = 1): WorkNode => WorkNode.Post({ word, wake }),
  /** Waits until the word differs from the value that this worker saw last. */
  await: (word: number): WorkNode => WorkNode.Await({ word }),
  pipeWrite: (channel: number, bytes = 1): WorkNode => WorkNode.PipeWrite({ channel, bytes }),
  pipeRead: (channel: number, bytes = 1): WorkNode => WorkNode.PipeRead({ channel, bytes }),
  /** Reads, modifies and writes one byte per `stride` of a private buffer, `passes` times. */
  walk: (bytes: number, stride: number, passes = 1): WorkNode => WorkNode.Walk({ bytes, stride, passes }),
  /** Multiplies two n×n integer matrices. */
  matmul: (n: number, reps = 1): WorkNode => WorkNode.Matmul({ n, reps }),
  /** Maps an anonymous region in a slot (0–7), replacing the previous one. */
  map: (slot: number, bytes: number, options?: { readonly noHugePages?: boolean }): WorkNode =>
    WorkNode.Map({ slot, bytes, noHugePages: options?.noHugePages ?? false }),
  /** Writes one byte in each of `pages` pages. */
  touch: (slot: number, pages: number, options?: { readonly random?: boolean }): WorkNode =>
    WorkNode.Touch({ slot, pages, random: options?.random ?? false }),
  /** Calls `MADV_DONTNEED` for the whole region. */
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
  /** Sets the scheduling policy. Policies that the kernel rejects are skipped and counted in a log line. */
  setPolicy: (policy: SchedPolicyName, priority = 0): WorkNode => WorkNode.SetPolicy({ policy, priority }),
  setAffinity: (target: AffinityTarget): WorkNode => WorkNode.SetAffinity({ target }),
  /** Forks a child that exits immediately, and waits for it. */
  forkExit: WorkNode.ForkExit() as WorkNode,
  lock: (mutex: number): WorkNode => WorkNode.Lock({ mutex }),
  unlock: (mutex: number): WorkNode => WorkNode.Unlock({ mutex }),
  repeat: (n: number, body: Nodes): WorkNode => WorkNode.Repeat({ n, body }),
  /** Repeats its body until that much wall time has passed. */
  forDuration: (duration: Duration.DurationInput, body: Nodes): WorkNode =>
    WorkNode.ForDuration({ ns: nanoseconds(duration), body }),
  /** Runs the next of its branches at each execution. */
  cycle: (branches: ReadonlyArray<Nodes>): WorkNode => WorkNode.Cycle({ branches }),
  /** Runs the branch of the worker's role; the last one serves all higher roles. */
  roles: (branches: ReadonlyArray<Nodes>): WorkNode => WorkNode.Roles({ branches }),
  /** Replaces the worker by an executable, which finds its telemetry page through `KTSTR_TELEMETRY`. */
  exec: (path: string, argv: ReadonlyArray<string> = [path]): WorkNode => WorkNode.Exec({ path, argv }),

  make: (lists: { readonly setup?: Nodes; readonly body: Nodes; readonly teardown?: Nodes }): WorkProgram => ({
    setup: lists.setup ?? [],
    body: lists.body,
    teardown: lists.teardown ?? []
  }),

  /** Returns the `channels` of the program's `SPAWN`: the highest index of a word, pipe or mutex plus one; 0 if it uses none. */
  channels: (program: WorkProgram): number =>
    1 + Math.max(highestChannel(program.setup), highestChannel(program.body), highestChannel(program.teardown)),

  /** Returns the program if the agent can run it: the body is not empty and every operand is within its bounds. */
  validate,

  /** Encodes the bytes of `SPAWN.program`. Fails if the program is invalid. */
  encode: (program: WorkProgram): Either.Either<Uint8Array, WorkProgramError> =>
    Either.map(validate(program), encodeProgram)
} as const
