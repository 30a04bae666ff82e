/**
 * Runs the agent as a child process of this process.
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
  channelOfStreams,
  HostError,
  HostMachine,
  type HostSpec,
  type Vm,
  type VmExit,
  VmmError
} from "@ktstr/core/machine"
import { Deferred, Effect, FiberId, Layer } from "effect"
import { removeCgroupOf } from "./HostCgroups.ts"

/** The agent's descriptor of the channel (native/agent/session/host.h). */
const channelFd = 3

/** Longer than the 5 s that workers have to answer a stop plus the 2 s that the agent has to empty its cgroups. */
const patienceMs = 9_000

/** Returns an open, unlinked file with these bytes, so that nothing can be left behind. */
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

const agentFailed = (message: string): HostError => new HostError({ reason: "AgentFailed", message })

const openPlan = (bytes: Uint8Array): Effect.Effect<number, HostError> =>
  Effect.try({
    try: () => namelessFile(bytes),
    catch: (cause) => agentFailed(`can't write to the temporary directory (TMPDIR): ${cause}`)
  })

const controlFile = (mount: string): string => join(mount, "cgroup.subtree_control")

/** Returns the controllers that a mount enables for its cgroups. */
const handedDown = (mount: string): ReadonlyArray<string> => {
  try {
    return fs.readFileSync(controlFile(mount), "utf8").split(/\s+/).filter(Boolean)
  } catch {
    return []
  }
}

/**
 * Disables the controllers that a killed agent could not disable. The kernel refuses (EBUSY) if another run now uses
 * one.
 */
const takeBack = (mount: string, before: ReadonlyArray<string>): void => {
  for (const name of handedDown(mount).filter((controller) => ["cpuset", "cpu"].includes(controller))) {
    if (before.includes(name)) continue
    try {
      fs.writeFileSync(controlFile(mount), `-${name}`)
    } catch {
      // The controller stays enabled for the other run.
    }
  }
}

interface Agent {
  readonly child: ChildProcess
  readonly channel: Duplex
  readonly console: ConsoleLog
  /** Settles when the agent has ended and all its output has been read. */
  readonly ended: Deferred.Deferred<VmExit>
  /** The agent's program. */
  readonly binary: string
  readonly cgroup: string
  readonly mount: string
  /** Controllers that the mount enabled before the agent started. */
  readonly before: ReadonlyArray<string>
}

const exitOf = (code: number | null, signal: string | null, log: ConsoleLog): VmExit => {
  if (code === 0) return { _tag: "PowerOff" }
  const how = signal === null ? `ended with ${code}` : `was killed by ${signal}`
  const lastLine = log.tail(Number.POSITIVE_INFINITY)[0]?.replace(/^ktstr-agent: /, "")
  return {
    _tag: "AgentEnded",
    message: `the agent on this host ${how}${lastLine === undefined ? "" : `: ${lastLine}`}`
  }
}

const spawnAgent = (path: string, spec: HostSpec, plan: number | undefined): Effect.Effect<Agent, HostError> =>
  Effect.async((resume) => {
    const before = handedDown(spec.cgroupMount)
    const words = [`ktstr.mode=${plan === undefined ? "live" : "plan"}`, `ktstr.deadline_ms=${spec.deadlineMs}`]
    const child = spawn(path, ["--host", spec.cgroupMount, ...words], {
      cwd: "/",
      stdio: ["ignore", "ignore", "pipe", "pipe", ...(plan === undefined ? [] : [plan])],
      // Its own session protects the agent from a terminal's ^C: it ends when this process asks it to.
      detached: true
    })
    const console = new ConsoleLog()
    child.stderr?.on("data", (chunk: Uint8Array) => console.push(chunk))
    const channel = child.stdio[channelFd] as Duplex
    // If the agent dies in the middle of a write, its end reports that.
    channel.on("error", () => {})
    const ended = Deferred.unsafeMake<VmExit>(FiberId.none)
    child.once("close", (code, signal) => {
      console.end()
      Deferred.unsafeDone(ended, Effect.succeed(exitOf(code, signal, console)))
    })
    child.once("error", (cause) => resume(Effect.fail(agentFailed(`the agent ${path} can't be started: ${cause}`))))
    child.once("spawn", () =>
      resume(
        Effect.succeed({
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
    )
  })

/** Ends the agent, whatever its state, and removes everything that it left. */
const endAgent = ({ before, binary, cgroup, channel, child, ended, mount }: Agent): Effect.Effect<void> =>
  Effect.gen(function* () {
    channel.destroy()
    const gone = Deferred.await(ended)
    const inTime = yield* Effect.timeoutOption(Effect.interruptible(gone), patienceMs)
    if (inTime._tag === "None") child.kill("SIGKILL")
    yield* gone
    // An agent that ended by itself has removed the cgroup. An existing one may also belong to someone else, which kept
    // the agent from starting.
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
    throw new RangeError(`${address} is not RAM: the host is not a machine`)
  },
  write: (address: number): never => {
    throw new RangeError(`${address} is not RAM: the host is not a machine`)
  }
}

const channelLost = (): VmmError =>
  new VmmError({ reason: "ChannelLost", message: "the agent on this host no longer accepts commands" })

const start = Effect.fn("HostMachine.start")(function* (path: string, spec: HostSpec) {
  const plan = spec.plan === undefined ? undefined : yield* openPlan(spec.plan)
  const agent = yield* Effect.acquireRelease(
    Effect.ensuring(
      spawnAgent(path, spec, plan),
      Effect.sync(() => plan !== undefined && fs.closeSync(plan))
    ),
    endAgent
  )
  const { channel, console, ended } = agent
  const greeted = yield* Deferred.make<undefined>()
  channel.once("data", () => Deferred.unsafeDone(greeted, Effect.succeed(undefined)))
  const over = yield* Deferred.make<void>()
  channel.once("close", () => Deferred.unsafeDone(over, Effect.void))
  const exit = yield* Deferred.make<VmExit>()
  yield* Effect.forkScoped(Effect.intoDeferred(Effect.zipLeft(Deferred.await(ended), Deferred.await(over)), exit))
  const pipe = channelOfStreams(channel, channel, channelLost)
  // An agent that could not start has printed why; that is not a verdict on a scenario.
  const unborn = yield* Effect.timeoutOption(
    Effect.raceFirst(Deferred.await(greeted), Deferred.await(ended)),
    patienceMs
  )
  if (unborn._tag === "Some" && unborn.value?._tag === "AgentEnded") return yield* agentFailed(unborn.value.message)
  const unable = new VmmError({ reason: "BadSpec", message: "the host can't be paused" })
  const vm: Vm = {
    console: console.stream,
    consoleTail: (n) => console.tail(n),
    channel: pipe,
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
