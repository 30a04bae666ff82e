import { Duration, Effect, Either, Option } from "effect"
import { newGroup, resolveWork, toWorkers } from "../plan/index.ts"
import { type AgentEvent, Command } from "../protocol/index.ts"
import {
  type CgroupDef,
  type WorkloadEngine,
  WorkloadError,
  type WorkloadGroup,
  type WorkSpec
} from "../scenario/index.ts"
import type { CommandRefused } from "../session/index.ts"
import { Affinity, type AffinityKind } from "../topology/index.ts"
import type { LiveLedger, SpawnedGroup } from "./ledger.ts"

/** Length of a slice in nanoseconds. A hold consists of short slices, so that it can be interrupted and other commands can run in between. */
const sliceNs = 100_000_000

const refused = (error: CommandRefused): WorkloadError =>
  new WorkloadError({ errno: error.errno, message: error.message, cause: error })
const wrong = (message: string): WorkloadError => new WorkloadError({ errno: 0, message })

const toCounters = (event: AgentEvent) => (event._tag === "Counters" ? event : undefined)

/** Implements {@link WorkloadEngine} over an agent that takes commands. */
export const makeLiveWorkload = (ledger: LiveLedger): WorkloadEngine["Type"] => {
  const { ctx, state } = ledger
  const obey = (command: Command) => Effect.mapError(ledger.obey(command), refused)
  const counters = Effect.mapError(ledger.ask(Command.ReadCounters(), toCounters), refused)

  const known = (group: WorkloadGroup): Effect.Effect<SpawnedGroup, WorkloadError> => {
    const found = ledger.groups[group.group]
    return found === undefined ? Effect.fail(wrong(`group ${group.group} was never spawned`)) : Effect.succeed(found)
  }

  const affinityOf = (cgroup: string, subject: string, kind: AffinityKind, workers: number) =>
    Either.mapLeft(
      Affinity.resolve(kind, workers, {
        topology: ctx.topo,
        allowed: state.effective(cgroup),
        random: ledger.random
      }),
      (message) => wrong(`${subject}: ${message}`)
    )

  const spawnWork = Effect.fn("WorkloadEngine.spawn")(function* (cgroup: string, spec: WorkSpec, swappable: boolean) {
    const subject = cgroup === "" ? "the root cgroup" : `cgroup '${cgroup}'`
    const work = yield* Effect.mapError(resolveWork(spec, ctx, swappable, subject), ({ message }) => wrong(message))
    const absent = (work.instance.includes ?? []).filter((include) => ledger.options.packed?.has(include) === false)
    if (absent.length > 0) {
      const name = work.instance.name
      return yield* wrong(
        `${subject}: work type ${name} needs ${absent.join(", ")}; name it among the scenario's includes`
      )
    }
    const affinity = yield* affinityOf(cgroup, subject, spec.affinity ?? Affinity.Inherit, work.workers)
    const cpuset = state.isConfined(cgroup) ? state.effective(cgroup) : undefined
    const workers = yield* Either.mapLeft(
      toWorkers(spec, affinity, { topology: ctx.topo, cpuset, subject }),
      ({ message }) => wrong(message)
    )
    const { name } = work.instance
    const group = ledger.groups.length
    const { command, live, planned } = newGroup({ group, cgroup, step: 0 }, work, affinity, workers)
    const spawned: SpawnedGroup = { planned, live, phase: "none" }
    // Reserve the number before the agent replies: another fiber may spawn meanwhile.
    ledger.groups.push(spawned)
    yield* ledger.mark("Spawn", `${cgroup === "" ? "/" : cgroup} ${work.workers}x${name}`)
    yield* obey(command)
    spawned.phase = "alive"
    return { group, cgroup, workType: name, workers: work.workers }
  })

  const setAffinity = Effect.fn("WorkloadEngine.setAffinity")(function* (group: WorkloadGroup, kind: AffinityKind) {
    const { live } = yield* known(group)
    const subject = `cgroup '${live.cgroup}'`
    const affinity = yield* affinityOf(live.cgroup, subject, kind, live.workers)
    yield* ledger.mark("SetAffinity", `${live.cgroup} ${kind._tag}`)
    const all = affinity.every((mask) => mask === undefined)
    yield* obey(Command.SetAffinity({ group: live.group, cpus: all ? [[]] : affinity.map((mask) => mask?.cpus ?? []) }))
    live.affinity = affinity
    live.affinityChanged = true
    ledger.recordCpus()
  })

  const stopAndCollect = Effect.fn("WorkloadEngine.stopAndCollect")(function* (groups: ReadonlyArray<WorkloadGroup>) {
    const running = (yield* Effect.forEach(groups, known)).filter(({ phase }) => phase === "alive")
    for (const { live } of running) yield* Effect.mapError(ledger.thaw(live.cgroup), refused)
    if (running.length > 0) {
      yield* ledger.mark(
        "Stop",
        running.map(({ planned }) => `${planned.cgroup || "/"} ${planned.workType}`).join(", ")
      )
      yield* obey(Command.Stop({ groups: running.map(({ live }) => live.group) }))
      for (const group of running) {
        group.phase = "ended"
        group.live.running = false
      }
    }
    const wanted = new Set(groups.map(({ group }) => group))
    return ledger.options.record.reports.filter(({ group }) => wanted.has(group))
  })

  return {
    spawn: (cgroup, work) => spawnWork(cgroup, work, false),
    spawnDefs: Effect.fn("WorkloadEngine.spawnDefs")(function* (defs: ReadonlyArray<CgroupDef>) {
      const groups: Array<WorkloadGroup> = []
      for (const def of defs) {
        for (const spec of def.workGroups) groups.push(yield* spawnWork(def.name, spec, def.isSwappable))
      }
      return groups
    }),
    start: Effect.fn("WorkloadEngine.start")(function* (groups: ReadonlyArray<WorkloadGroup>) {
      const spawned = yield* Effect.forEach(groups, known)
      yield* obey(Command.Start({ groups: groups.map(({ group }) => group) }))
      for (const { live } of spawned) live.running = true
      ledger.recordCpus()
    }),
    setAffinity,
    hold: Effect.fn("WorkloadEngine.hold")(function* (duration: Duration.DurationInput) {
      const holdNs = Number(Option.getOrElse(Duration.toNanos(duration), () => BigInt(Number.MAX_SAFE_INTEGER)))
      const begunNs = (yield* counters).timeNs
      for (let elapsedNs = 0; elapsedNs < holdNs; elapsedNs = (yield* counters).timeNs - begunNs) {
        yield* ledger.options.onHolding(elapsedNs, holdNs)
        yield* obey(Command.Hold({ ns: Math.min(sliceNs, holdNs - elapsedNs) }))
      }
    }),
    counters: Effect.map(counters, ({ counters }) => counters).pipe(Effect.withSpan("WorkloadEngine.counters")),
    stopAndCollect
  }
}
