import { Duration, Effect } from "effect"
import { suggestion } from "../base/index.ts"
import { Payload, type PayloadSpec, payloadGraceMs, payloadOutputLimit } from "../payload/index.ts"
import { Command } from "../protocol/index.ts"
import type { Op } from "../scenario/index.ts"
import type { PlannedPayload } from "./CompiledPlan.ts"
import { PlanError } from "./PlanError.ts"

/** A payload during compilation. */
export interface LivePayload {
  readonly id: number
  readonly name: string
  /** The cgroup in which it was started, by which it is addressed. */
  readonly started: string
  /** The cgroup in which it is now. */
  cgroup: string
  /** Whether it may still run: nothing has waited for its end or stopped it. */
  running: boolean
}

type Compiled<A> = Effect.Effect<A, PlanError>

const SIGTERM = 15

const placeOf = (cgroup: string): string => (cgroup === "" ? "the root cgroup" : `cgroup '${cgroup}'`)

const fail = (message: string) => new PlanError({ reason: "Payload", message })

/** Returns the command that starts a payload; the first word of its command line is replaced once the program's path is known. */
export const payloadCommand = (spec: PayloadSpec, id: number): Extract<Command, { readonly _tag: "ProcRun" }> => {
  const { binary, directory, environment } = spec.payload
  return Command.ProcRun({
    id,
    cgroup: spec.cgroup,
    argv: [typeof binary === "string" ? binary : binary.guest],
    environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
    directory,
    terminal: undefined,
    input: false,
    deadlineNs: Math.round((spec.timeoutMs ?? 0) * 1e6),
    credit: payloadOutputLimit,
    paced: false
  })
}

/** What PlanPayloads needs from the compiler. */
interface Surroundings {
  readonly emit: (command: Command) => void
  /** Unfreezes a cgroup, so that its tasks can react to a stop. */
  readonly thaw: (cgroup: string) => void
  /** Adds the spec of a file for the guest. */
  readonly include: (spec: string) => void
}

/** The payloads of a plan: their numbers, their cgroups, and the commands that start and end them. */
export class PlanPayloads {
  readonly planned: Array<PlannedPayload> = []
  private readonly live: Array<LivePayload> = []
  private readonly around: Surroundings

  constructor(around: Surroundings) {
    this.around = around
  }

  /** Starts a payload. */
  run(spec: PayloadSpec, step: number): Compiled<LivePayload> {
    return Effect.suspend(() => {
      const { name } = spec.payload
      const wrong = Payload.problem(spec)
      if (wrong !== undefined) return fail(wrong)
      if (this.live.some((other) => other.running && other.name === name && other.started === spec.cgroup)) {
        const where = placeOf(spec.cgroup)
        return fail(
          `payload '${name}' runs in ${where} already; wait for it or kill it first, or give one another name`
        )
      }
      const id = this.planned.length + 1
      const live: LivePayload = { id, name, started: spec.cgroup, cgroup: spec.cgroup, running: true }
      this.live.push(live)
      this.planned.push({ id, spec, step })
      for (const include of Payload.includes(spec.payload)) this.around.include(include)
      this.around.emit(payloadCommand(spec, id))
      return Effect.succeed(live)
    })
  }

  /** Waits for its end; kills it after the timeout. */
  wait(op: Extract<Op, { readonly _tag: "WaitPayload" }>): Compiled<void> {
    return Effect.map(this.find(op), (payload) => {
      payload.running = false
      const graceNs = Math.round(Duration.toMillis(op.timeout) * 1e6)
      this.around.emit(Command.ProcStop({ ids: [payload.id], signal: 0, graceNs }))
    })
  }

  kill(op: Extract<Op, { readonly _tag: "KillPayload" }>): Compiled<void> {
    return Effect.map(this.find(op), (payload) => this.stop([payload], op.signal))
  }

  /** Sends a signal to the payloads that may still run, and waits until they have ended. */
  stop(payloads: ReadonlyArray<LivePayload>, signal: number = SIGTERM): void {
    const running = payloads.filter((payload) => payload.running)
    for (const payload of running) {
      payload.running = false
      this.around.thaw(payload.cgroup)
    }
    if (running.length === 0) return
    this.around.emit(Command.ProcStop({ ids: running.map(({ id }) => id), signal, graceNs: payloadGraceMs * 1e6 }))
  }

  /** Finds the latest payload with that name, in that cgroup if the op names one. */
  private find(op: Extract<Op, { readonly _tag: "WaitPayload" | "KillPayload" }>): Compiled<LivePayload> {
    const named = this.live.filter((payload) => payload.name === op.name)
    const here = named.filter((payload) => op.cgroup === undefined || payload.started === op.cgroup)
    const places = new Set(here.map((payload) => payload.started))
    const last = here.at(-1)
    if (last !== undefined && places.size === 1) return Effect.succeed(last)
    if (places.size > 1) {
      const all = [...places].map(placeOf).join(", ")
      return fail(`${op._tag}: payload '${op.name}' was started in ${all}; name the cgroup`)
    }
    if (named.length > 0) {
      const all = [...new Set(named.map((payload) => placeOf(payload.started)))].join(", ")
      return fail(`${op._tag}: payload '${op.name}' was started in ${all}, not in ${placeOf(op.cgroup ?? "")}`)
    }
    const near = suggestion(op.name, new Set(this.live.map((payload) => payload.name)))
    return fail(`${op._tag}: no payload '${op.name}' was started before${near}`)
  }

  /** Records that tasks were moved to `to` from the cgroups that `isThere` accepts. */
  move(isThere: (cgroup: string) => boolean, to: string): void {
    for (const payload of this.live) if (payload.running && isThere(payload.cgroup)) payload.cgroup = to
  }

  /** Returns a text that is equal for equal states. */
  snapshot(): string {
    return this.live.flatMap(({ id, running }) => (running ? [id] : [])).join()
  }
}

/** Returns what is wrong with the numbers of an op; undefined if nothing is. */
export const payloadOpProblem = (op: Op): string | undefined => {
  if (op._tag === "KillPayload") {
    return Number.isInteger(op.signal) && op.signal >= 1 && op.signal <= 64
      ? undefined
      : `KillPayload: the signal is ${op.signal}; it must be a whole number from 1 to 64`
  }
  if (op._tag !== "WaitPayload") return undefined
  const ms = Duration.toMillis(op.timeout)
  return Number.isFinite(ms) && ms > 0
    ? undefined
    : `WaitPayload: the timeout is ${ms} ms; it must be longer than 0 and finite`
}
