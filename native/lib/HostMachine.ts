/**
 * The agent as a child process of this one.
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import {
  AgentBinary,
  ConsoleLog,
  HostError,
  HostMachine,
  type HostSpec,
  type Vm,
  type VmExit,
  VmmError
} from "@ktstr/core/machine"
import { Deferred, Effect, Layer, Mailbox } from "effect"
import { removeCgroupOf } from "./HostCgroups.ts"

/** Descriptors as the agent knows them (native/agent/host.h). */
const channelFd = 3

/** Workers have 5 s to answer a stop, and the agent 2 s to empty its cgroups. */
const patienceMs = 9_000

/** An open file with these bytes that has no name any more: nothing of it can be left behind. */
const namelessFile = (bytes: Uint8Array): number => {
  const directory = fs.mkdtempSync(join(tmpdir(), "ktstr-host-"))
  try {
    const path = join(directory, "plan")
    fs.writeFileSync(path, bytes)
    return fs.openSync(path, "r")
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
}

const openPlan = (bytes: Uint8Array): Effect.Effect<number, HostError> =>
  Effect.try({
    try: () => namelessFile(bytes),
    catch: (cause) =>
      new HostError({ reason: "AgentFailed", message: `can't write to the temporary directory (TMPDIR): ${cause}` })
  })

const controlFile = (mount: string): string => join(mount, "cgroup.subtree_control")

/** The controllers that a mount hands down to its cgroups. */
const handedDown = (mount: string): ReadonlyArray<string> => {
  try {
    return fs.readFileSync(controlFile(mount), "utf8").split(/\s+/).filter(Boolean)
  } catch {
    return []
  }
}

/** What an agent that was killed could not switch off again; the kernel refuses it (EBUSY) where another run has come to need it. */
const takeBack = (mount: string, before: ReadonlyArray<string>): void => {
  for (const name of handedDown(mount).filter((controller) => ["cpuset", "cpu"].includes(controller))) {
    if (before.includes(name)) continue
    try {
      fs.writeFileSync(controlFile(mount), `-${name}`)
    } catch {
      // It stays on for the other run, which takes nothing from it.
    }
  }
}

interface Agent {
  readonly child: ChildProcess
  readonly channel: Duplex
  readonly console: ConsoleLog
  /** Settles when it has ended and all it said is read. */
  readonly ended: Promise<VmExit>
  /** The agent's program. */
  readonly binary: string
  readonly cgroup: string
  readonly mount: string
  /** What it handed down before the agent began. */
  readonly before: ReadonlyArray<string>
}

const exitOf = (code: number | null, signal: string | null, log: ConsoleLog): VmExit => {
  if (code === 0) return { _tag: "PowerOff" }
  const how = signal === null ? `ended with ${code}` : `was killed by ${signal}`
  const said = log.tail(Number.POSITIVE_INFINITY)[0]?.replace(/^ktstr-agent: /, "")
  return { _tag: "AgentEnded", message: `the agent on this host ${how}${said === undefined ? "" : `: ${said}`}` }
}

const spawnAgent = (path: string, spec: HostSpec, plan: number | undefined): Promise<Agent> =>
  new Promise((resolve, reject) => {
    const before = handedDown(spec.cgroupMount)
    const words = [`ktstr.mode=${plan === undefined ? "live" : "plan"}`, `ktstr.deadline_ms=${spec.deadlineMs}`]
    const child = spawn(path, ["--host", spec.cgroupMount, ...words], {
      cwd: "/",
      stdio: ["ignore", "ignore", "pipe", "pipe", ...(plan === undefined ? [] : [plan])],
      // A session of its own keeps a terminal's ^C from it: it ends when this process says so.
      detached: true
    })
    const console = new ConsoleLog()
    child.stderr?.on("data", (chunk: Uint8Array) => console.push(chunk))
    const channel = child.stdio[channelFd] as Duplex
    // The peer's death in the middle of a write is told by its end.
    channel.on("error", () => {})
    const ended = new Promise<VmExit>((done) => {
      child.once("close", (code, signal) => {
        console.end()
        done(exitOf(code, signal, console))
      })
    })
    child.once("error", reject)
    child.once("spawn", () =>
      resolve({
        child,
        channel,
        console,
        ended,
        binary: path,
        cgroup: join(spec.cgroupMount, `ktstr-${child.pid}`),
        mount: spec.cgroupMount,
        before
      })
    )
  })

/** Whatever state the agent is in, afterwards nothing of it is there. */
const endAgent = ({ before, binary, cgroup, channel, child, ended, mount }: Agent): Effect.Effect<void> =>
  Effect.gen(function* () {
    channel.destroy()
    const gone = Effect.promise(() => ended)
    const inTime = yield* Effect.timeoutOption(Effect.interruptible(gone), patienceMs)
    if (inTime._tag === "None") child.kill("SIGKILL")
    yield* gone
    // An agent that ended by itself has removed it. What is there may also be somebody else's, for which the agent did not begin.
    if (child.pid !== undefined && fs.existsSync(cgroup)) {
      yield* Effect.catchAll(removeCgroupOf(binary, mount, child.pid), ({ message }) =>
        Effect.logWarning(`can't remove ${cgroup}: ${message}; run: ktstr cleanup`)
      )
    }
    yield* Effect.sync(() => takeBack(mount, before))
  })

const noMemory = {
  size: 0,
  read: (address: number): never => {
    throw new RangeError(`${address} is no RAM: the host is no machine`)
  },
  write: (address: number): never => {
    throw new RangeError(`${address} is no RAM: the host is no machine`)
  }
}

const notThere = new VmmError({ reason: "ChannelLost", message: "the agent on this host takes nothing any more" })

const send = (channel: Duplex, bytes: Uint8Array): Effect.Effect<void, VmmError> =>
  Effect.async((resume) => {
    if (channel.destroyed || !channel.writable) return resume(Effect.fail(notThere))
    channel.write(bytes, (error) => resume(error ? Effect.fail(notThere) : Effect.void))
  })

const start = Effect.fn("HostMachine.start")(function* (path: string, spec: HostSpec) {
  const failed = (message: string) => new HostError({ reason: "AgentFailed", message })
  const plan = spec.plan === undefined ? undefined : yield* openPlan(spec.plan)
  const agent = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => spawnAgent(path, spec, plan),
      catch: (cause) => failed(`the agent ${path} can't be started: ${cause}`)
    }).pipe(Effect.ensuring(Effect.sync(() => plan !== undefined && fs.closeSync(plan)))),
    endAgent
  )
  const { channel, console, ended } = agent
  const incoming = yield* Mailbox.make<Uint8Array, VmmError>()
  const exit = yield* Deferred.make<VmExit>()
  const over = new Promise<void>((resolve) => channel.once("close", resolve))
  const greeted = new Promise<undefined>((resolve) => channel.once("data", () => resolve(undefined)))
  channel.on("data", (chunk: Uint8Array) => incoming.unsafeOffer(chunk))
  yield* Effect.forkScoped(
    Effect.promise(() => Promise.all([ended, over])).pipe(
      Effect.flatMap(([how]) => Effect.zipRight(Deferred.succeed(exit, how), incoming.end))
    )
  )
  // One that could not begin has said why, which is no verdict on a scenario.
  const unborn = yield* Effect.timeoutOption(
    Effect.promise(() => Promise.race([greeted, ended])),
    patienceMs
  )
  if (unborn._tag === "Some" && unborn.value?._tag === "AgentEnded") return yield* failed(unborn.value.message)
  const unable = new VmmError({ reason: "BadSpec", message: "the host can't be paused" })
  const vm: Vm = {
    console: console.stream,
    consoleTail: (n) => console.tail(n),
    channel: { incoming: Mailbox.toStream(incoming), send: (bytes) => send(channel, bytes) },
    memory: noMemory,
    exit,
    clock: "host",
    backend: "host",
    stats: Effect.succeed({}),
    pause: Effect.fail(unable),
    resume: Effect.fail(unable)
  }
  return vm
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layerHostMachine: Layer.Layer<HostMachine, never, AgentBinary> = Layer.effect(
  HostMachine,
  Effect.map(AgentBinary, (binary) => ({
    start: (spec: HostSpec) => Effect.flatMap(binary.path, (path) => start(path, spec))
  }))
)
