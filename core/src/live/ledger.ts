import { Effect } from "effect"
import { PCGRandom } from "effect/Utils"
import type { PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { OutputFormatError, PayloadError, PayloadSpec } from "../payload/index.ts"
import { CgroupState, type LiveGroup, type PreparedPayload, recordAllowed, type SpawnPlan } from "../plan/index.ts"
import { type AgentEvent, Command } from "../protocol/index.ts"
import type { ScenarioContext } from "../scenario/index.ts"
import type { CommandRefused, GuestLost, LiveGuest, SessionRecord } from "../session/index.ts"

/** A group of a live scenario. */
export interface SpawnedGroup {
  readonly planned: SpawnPlan
  readonly live: LiveGroup
  /** `none`: the agent has not made it yet, or rejected it. */
  phase: "none" | "alive" | "ended"
}

export interface LedgerOptions {
  readonly guest: LiveGuest
  readonly ctx: ScenarioContext
  /** Collects the session's events; it must receive an event before the reply to its command is processed. */
  readonly record: SessionRecord
  /** Includes that were packed for work types; undefined: all files are available. */
  readonly packed: ReadonlySet<string> | undefined
  /** Returns a payload's command line and the reader of its output. */
  readonly prepare: (
    spec: PayloadSpec
  ) => Effect.Effect<Pick<PreparedPayload, "argv" | "reader">, PayloadError | OutputFormatError>
  /** Receives the progress of a hold. */
  readonly onHolding: (elapsedNs: number, holdNs: number) => Effect.Effect<void>
}

/** Records what a live scenario has done, in the form in which the plan compiler records what it will do: the checks need both in the same form. */
export class LiveLedger {
  readonly ctx: ScenarioContext
  readonly state: CgroupState
  readonly groups: Array<SpawnedGroup> = []
  readonly random: PCGRandom
  readonly options: LedgerOptions
  private commands = 0

  constructor(options: LedgerOptions) {
    this.options = options
    this.ctx = options.ctx
    this.state = new CgroupState(options.ctx.topo.allCpus)
    this.random = new PCGRandom(options.ctx.seed)
  }

  /** Sends a command and waits until the agent has executed it. If the guest is lost, the program dies, because it can't handle that. */
  obey(command: Command): Effect.Effect<void, CommandRefused> {
    this.commands++
    return this.orDie(this.options.guest.obey(command))
  }

  /** Sends a command and returns the event that answers it, which precedes the reply. */
  ask<A>(command: Command, answer: (event: AgentEvent) => A | undefined): Effect.Effect<A, CommandRefused> {
    return Effect.scoped(
      Effect.gen(this, function* () {
        let found: A | undefined
        yield* this.options.guest.listen((event) =>
          Effect.sync(() => {
            found ??= answer(event)
          })
        )
        yield* this.obey(command)
        return found === undefined ? yield* Effect.dieMessage(`${command._tag} was done without an answer`) : found
      })
    )
  }

  /** Marks a boundary on the timeline, without waiting for the reply. */
  mark(kind: string, detail: string): Effect.Effect<void> {
    return this.orDie(this.options.guest.tell(Command.Mark({ kind, detail })))
  }

  private orDie<A, E>(effect: Effect.Effect<A, E | GuestLost>): Effect.Effect<A, Exclude<E, GuestLost>> {
    return Effect.catchAll(effect, (error) =>
      (error as GuestLost)._tag === "GuestLost" ? Effect.die(error) : Effect.fail(error as Exclude<E, GuestLost>)
    )
  }

  /** Unfreezes a cgroup before its tasks are stopped: frozen tasks can't react to a stop and would be killed. */
  thaw(cgroup: string): Effect.Effect<void, CommandRefused> {
    return Effect.gen(this, function* () {
      for (let frozen = this.state.frozenAt(cgroup); frozen !== undefined; frozen = this.state.frozenAt(cgroup)) {
        yield* this.obey(Command.CgroupWrite({ path: frozen, file: "cgroup.freeze", value: "0" }))
        this.state.setFrozen(frozen, false)
      }
    })
  }

  /** Records the allowed CPUs. Call it after every change to the CPUs that a running worker may use. */
  recordCpus(): void {
    const live = this.groups.map((group) => group.live)
    recordAllowed(live, this.state, { command: this.commands, step: 0 })
  }

  running(cgroup: string): ReadonlyArray<SpawnedGroup> {
    return this.groups.filter(({ live, phase }) => phase === "alive" && live.cgroup === cgroup)
  }

  /** Returns the part of a plan that the checks need. */
  account(): { readonly groups: ReadonlyArray<PlannedGroup>; readonly cgroups: ReadonlyArray<PlannedCgroup> } {
    return {
      groups: this.groups
        .filter(({ phase }) => phase !== "none")
        .map(({ live, planned }) => {
          const allowed = this.state.effective(live.cgroup)
          // A group that was never started has no recorded CPUs, but it is judged as well.
          const started = live.history.length > 0
          return {
            ...planned,
            cpusets: started ? live.history : [{ command: 0, step: 0, cpus: allowed }],
            allowedCpus: started ? live.allowed : live.allowed.map(() => allowed)
          }
        }),
      cgroups: this.state.names.map((name) => ({ name, cpuset: this.state.lastCpusetOf(name) }))
    }
  }
}
