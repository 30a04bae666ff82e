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
  /** `none`: the agent has not made it, or refused to. */
  phase: "none" | "alive" | "ended"
}

export interface LedgerOptions {
  readonly guest: LiveGuest
  readonly ctx: ScenarioContext
  /** Where the session's events are gathered; it must have heard an event before a command's answer is acted on. */
  readonly record: SessionRecord
  /** What was packed for work types that bring files; undefined: all that there is. */
  readonly packed: ReadonlySet<string> | undefined
  /** Where a payload's program is, and by what its output is read. */
  readonly prepare: (
    spec: PayloadSpec
  ) => Effect.Effect<Pick<PreparedPayload, "argv" | "reader">, PayloadError | OutputFormatError>
  /** A hold goes on. */
  readonly onHolding: (elapsedNs: number, holdNs: number) => Effect.Effect<void>
}

/** What a live scenario has done so far, kept as the plan compiler keeps what it will do: the checks need both in the same form. */
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

  /** Waits until the agent has done it. A guest that is lost ends the program, which can do nothing about it. */
  obey(command: Command): Effect.Effect<void, CommandRefused> {
    this.commands++
    return this.orDie(this.options.guest.obey(command))
  }

  /** The event that answers a command, which comes before its reply. */
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

  /** A boundary on the timeline; not waited for. */
  mark(kind: string, detail: string): Effect.Effect<void> {
    return this.orDie(this.options.guest.tell(Command.Mark({ kind, detail })))
  }

  private orDie<A, E>(effect: Effect.Effect<A, E | GuestLost>): Effect.Effect<A, Exclude<E, GuestLost>> {
    return Effect.catchAll(effect, (error) =>
      (error as GuestLost)._tag === "GuestLost" ? Effect.die(error) : Effect.fail(error as Exclude<E, GuestLost>)
    )
  }

  /** Lets a cgroup run: what is frozen can't see that it is to stop, and would be killed for it. */
  thaw(cgroup: string): Effect.Effect<void, CommandRefused> {
    return Effect.gen(this, function* () {
      for (let frozen = this.state.frozenAt(cgroup); frozen !== undefined; frozen = this.state.frozenAt(cgroup)) {
        yield* this.obey(Command.CgroupWrite({ path: frozen, file: "cgroup.freeze", value: "0" }))
        this.state.setFrozen(frozen, false)
      }
    })
  }

  /** To be called after whatever changes which CPUs a running worker may use. */
  recordCpus(): void {
    const live = this.groups.map((group) => group.live)
    recordAllowed(live, this.state, { command: this.commands, step: 0 })
  }

  running(cgroup: string): ReadonlyArray<SpawnedGroup> {
    return this.groups.filter(({ live, phase }) => phase === "alive" && live.cgroup === cgroup)
  }

  /** What the checks ask of a plan. */
  account(): { readonly groups: ReadonlyArray<PlannedGroup>; readonly cgroups: ReadonlyArray<PlannedCgroup> } {
    return {
      groups: this.groups
        .filter(({ phase }) => phase !== "none")
        .map(({ live, planned }) => {
          const allowed = this.state.effective(live.cgroup)
          // One that was never started was allowed nothing, and yet is judged.
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
