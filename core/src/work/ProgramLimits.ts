/**
 * Limits of work programs, and the check for them. The agent enforces the same limits (native/agent/program.c).
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { type ProgramLists, SchedPolicyNumber, type WorkNode } from "./Node.ts"

/**
 * The agent would reject this program. `path` leads to the node: `body[0].repeat[2]`.
 *
 * @since 0.1.0
 * @category errors
 */
export class WorkProgramError extends Data.TaggedError("WorkProgramError")<{
  readonly path: string
  readonly message: string
}> {}

/**
 * The limits of a work program.
 *
 * @since 0.1.0
 * @category constants
 */
export const workProgramLimits = {
  /** Number of words, pipes and mutexes of a group instance. */
  channels: 64,
  /** Mapped regions of a worker. */
  slots: 8,
  /** Nesting of control structures. */
  depth: 16,
  /** Total number of nodes in a program. */
  nodes: 4096,
  /** Bytes walked or mapped. */
  memory: 2 ** 40,
  /** Bytes of one pipe transfer or one file block. */
  transfer: 2 ** 20,
  /** Bytes of the part of a file that is read. */
  span: 2 ** 30,
  /** Dimension of a matrix. */
  matrix: 1024
} as const

const u32Max = 0xffffffff
const safeMax = Number.MAX_SAFE_INTEGER
const limits = workProgramLimits

type Problem = string | undefined

const within = (name: string, value: number, min: number, max: number): Problem =>
  Number.isInteger(value) && value >= min && value <= max
    ? undefined
    : `${name} is ${value}; it must be a whole number from ${min} to ${max}`

const first = (...problems: ReadonlyArray<Problem>): Problem => problems.find((problem) => problem !== undefined)

const policyProblem = (node: Extract<WorkNode, { _tag: "SetPolicy" }>): Problem =>
  !Object.hasOwn(SchedPolicyNumber, node.policy)
    ? `policy is ${node.policy}; it must be one of ${Object.keys(SchedPolicyNumber).join(", ")}`
    : node.policy === "Fifo" || node.policy === "RoundRobin"
      ? within("priority", node.priority, 1, 99)
      : within("priority", node.priority, 0, 0)

const affinityProblem = (node: Extract<WorkNode, { _tag: "SetAffinity" }>): Problem =>
  typeof node.target === "string"
    ? undefined
    : node.target.length === 0
      ? "target has no CPU; name at least one, or use initial"
      : first(...node.target.map((cpu) => within("CPU", cpu, 0, 4095)))

/** Returns what is wrong with the operands of one node, without its children. */
const operandProblem = (node: WorkNode): Problem => {
  switch (node._tag) {
    case "Spin":
      return within("n", node.n, 1, safeMax)
    case "Sleep":
      return within("ns", node.ns, 0, safeMax)
    case "Post":
      return first(within("word", node.word, 0, limits.channels - 1), within("wake", node.wake, 0, 0x7fffffff))
    case "Await":
      return within("word", node.word, 0, limits.channels - 1)
    case "PipeWrite":
    case "PipeRead":
      return first(
        within("channel", node.channel, 0, limits.channels - 1),
        within("bytes", node.bytes, 1, limits.transfer)
      )
    case "Walk":
      return first(
        within("bytes", node.bytes, 1, limits.memory),
        within("stride", node.stride, 1, u32Max),
        within("passes", node.passes, 1, u32Max)
      )
    case "Matmul":
      return first(within("n", node.n, 1, limits.matrix), within("reps", node.reps, 1, u32Max))
    case "Map":
      return first(within("slot", node.slot, 0, limits.slots - 1), within("bytes", node.bytes, 1, limits.memory))
    case "Touch":
      return first(within("slot", node.slot, 0, limits.slots - 1), within("pages", node.pages, 1, u32Max))
    case "Discard":
      return within("slot", node.slot, 0, limits.slots - 1)
    case "FileWrite":
      return first(within("bytes", node.bytes, 1, safeMax), within("block", node.block, 1, limits.transfer))
    case "FileRead":
      return first(
        within("bytes", node.bytes, 1, safeMax),
        within("block", node.block, 1, limits.transfer),
        within("span", node.span, node.block, limits.span),
        node.direct && node.block % 4096 !== 0
          ? `block is ${node.block}; direct reads need a multiple of 4096`
          : undefined
      )
    case "SetNice":
      return within("nice", node.nice, -20, 19)
    case "SetPolicy":
      return policyProblem(node)
    case "SetAffinity":
      return affinityProblem(node)
    case "Lock":
    case "Unlock":
      return within("mutex", node.mutex, 0, limits.channels - 1)
    case "Repeat":
      return first(within("n", node.n, 1, safeMax), node.body.length === 0 ? "the repeated list is empty" : undefined)
    case "ForDuration":
      return first(within("ns", node.ns, 1, safeMax), node.body.length === 0 ? "the repeated list is empty" : undefined)
    case "Cycle":
    case "Roles":
      return within("the number of branches", node.branches.length, 1, 256)
    case "Exec":
      return node.path === "" || node.path.includes("\0")
        ? "the path of the executable is empty or has a NUL"
        : undefined
    default:
      return undefined
  }
}

/**
 * Returns the node lists inside a node, with their paths for errors.
 *
 * @since 0.1.0
 * @category getters
 */
export const childLists = (node: WorkNode): ReadonlyArray<readonly [place: string, nodes: ReadonlyArray<WorkNode>]> => {
  switch (node._tag) {
    case "Repeat":
      return [["repeat", node.body]]
    case "ForDuration":
      return [["forDuration", node.body]]
    case "Cycle":
      return node.branches.map((branch, index) => [`cycle[${index}]`, branch] as const)
    case "Roles":
      return node.branches.map((branch, index) => [`roles[${index}]`, branch] as const)
    default:
      return []
  }
}

/**
 * Returns the program if the agent can run it, else the first problem.
 *
 * @since 0.1.0
 * @category validation
 */
export const validate = (program: ProgramLists): Either.Either<ProgramLists, WorkProgramError> => {
  let nodes = 0
  const inList = (path: string, list: ReadonlyArray<WorkNode>, depth: number): WorkProgramError | undefined => {
    for (const [index, node] of list.entries()) {
      const at = `${path}[${index}]`
      nodes += 1
      const problem =
        nodes > limits.nodes
          ? `the program has more than ${limits.nodes} nodes`
          : depth > limits.depth
            ? `nested deeper than ${limits.depth}`
            : operandProblem(node)
      if (problem !== undefined) {
        return new WorkProgramError({ path: at, message: `Work program, ${at} (${node._tag}): ${problem}` })
      }
      for (const [place, children] of childLists(node)) {
        const inner = inList(`${at}.${place}`, children, depth + 1)
        if (inner !== undefined) {
          return inner
        }
      }
    }
    return undefined
  }
  if (program.body.length === 0) {
    return Either.left(
      new WorkProgramError({ path: "body", message: "Work program, body: it is empty; give at least one node" })
    )
  }
  const problem =
    inList("setup", program.setup, 1) ?? inList("body", program.body, 1) ?? inList("teardown", program.teardown, 1)
  return problem === undefined ? Either.right(program) : Either.left(problem)
}
