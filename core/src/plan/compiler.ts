import { Effect, Either } from "effect"
import { PCGRandom } from "effect/Utils"
import { isKernelScheduler } from "../kernel/index.ts"
import { Command } from "../protocol/index.ts"
import {
  type Backdrop,
  type CgroupController,
  type CgroupDef,
  HoldSpec,
  Op,
  type ScenarioContext,
  type Step,
  type WorkSpec
} from "../scenario/index.ts"
import { Affinity, type AffinityKind, type CpuSet, CpusetSpec } from "../topology/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { CompiledPlan, PlannedStep } from "./CompiledPlan.ts"
import { CgroupState } from "./cgroupState.ts"
import { type LiveGroup, newGroup, recordAllowed, type SpawnPlan, workerAt } from "./groups.ts"
import { compileLoop } from "./loop.ts"
import { cgroupNameProblem, cgroupsOf, createdProblem, opValueProblem } from "./ops.ts"
import { PlanError } from "./PlanError.ts"
import { type LivePayload, PlanPayloads } from "./payloads.ts"
import { affinityFailure, resolveWork, toWorkers } from "./work.ts"

type Compiled<A = void> = Effect.Effect<A, PlanError, WorkTypes>

/** What a backdrop or a step has created, which ends with it. */
interface Lifetime {
  readonly cgroups: Array<string>
  readonly groups: Array<LiveGroup>
  readonly payloads: Array<LivePayload>
}

/** The value that clears a cpuset. A zero-length write never reaches the cgroup; `echo >` sends a newline, too. */
const cleared = "\n"

const badName = (message: string | undefined): Compiled =>
  message === undefined ? Effect.void : new PlanError({ reason: "Name", message })

/** Compiles ops and definitions to commands, and tracks what each command will do to cgroups and workers. */
export class PlanCompiler {
  private readonly commands: Array<Command> = []
  private readonly state: CgroupState
  private readonly live: Array<LiveGroup> = []
  private readonly planned: Array<SpawnPlan> = []
  private readonly payloads = new PlanPayloads({
    emit: (command) => this.emit(command),
    thaw: (cgroup) => this.thaw(cgroup),
    include: (spec) => this.includes.add(spec)
  })
  private readonly steps: Array<PlannedStep> = []
  private readonly warnings: Array<string> = []
  private readonly includes = new Set<string>()
  private readonly random: PCGRandom
  private readonly backdropLifetime: Lifetime = { cgroups: [], groups: [], payloads: [] }
  private lifetime: Lifetime = this.backdropLifetime
  private current = -1
  private heldNs = 0
  private readonly ctx: ScenarioContext

  constructor(ctx: ScenarioContext) {
    this.ctx = ctx
    this.state = new CgroupState(ctx.topo.allCpus)
    this.random = new PCGRandom(ctx.seed)
  }

  backdrop(backdrop: Backdrop): Compiled {
    return Effect.andThen(this.allOps(backdrop.ops), this.defs(backdrop.defs))
  }

  step(step: Step, index: number, count: number): Compiled {
    return Effect.gen(this, function* () {
      this.current = index
      this.lifetime = { cgroups: [], groups: [], payloads: [] }
      const label = step.label ?? `step ${index + 1} of ${count}`
      const holdNs = yield* Either.mapLeft(
        HoldSpec.resolve(step.hold, this.ctx.durationMs, this.heldNs),
        (error) => new PlanError({ reason: "Hold", message: `${label}: ${error.message}` })
      )
      this.steps.push({ index, label, holdNs })
      this.emit(Command.StepBegin({ index, count, label }))
      if (step.hold._tag === "Loop") {
        yield* this.defs(step.defs)
        yield* this.loop(step.ops, holdNs, HoldSpec.intervalNs(step.hold), label)
      } else {
        yield* this.allOps(step.ops)
        yield* this.defs(step.defs)
        if (holdNs > 0) this.emit(Command.Hold({ ns: holdNs }))
      }
      this.heldNs += holdNs
      this.end(this.lifetime)
      this.emit(Command.StepEnd({ index }))
      this.lifetime = this.backdropLifetime
      this.current = -1
    })
  }

  finish(): CompiledPlan {
    this.end(this.backdropLifetime)
    this.emit(Command.End())
    return {
      commands: this.commands,
      groups: this.planned.map((group, i) => ({
        ...group,
        cpusets: this.live[i]!.history,
        allowedCpus: this.live[i]!.allowed
      })),
      payloads: this.payloads.planned,
      cgroups: this.state.names.map((name) => ({ name, cpuset: this.state.lastCpusetOf(name) })),
      steps: this.steps,
      plannedNs: this.heldNs,
      warnings: this.warnings,
      includes: [...this.includes]
    }
  }

  private emit(...commands: ReadonlyArray<Command>): void {
    this.commands.push(...commands)
  }

  /** Records the allowed CPUs. Call it after every change to the CPUs that a running worker may use. */
  private record(): void {
    recordAllowed(this.live, this.state, { command: this.commands.length, step: this.current })
  }

  private running(cgroup: string): ReadonlyArray<LiveGroup> {
    return this.live.filter((group) => group.running && group.cgroup === cgroup)
  }

  private allOps(ops: ReadonlyArray<Op>): Compiled {
    return Effect.forEach(ops, (op) => this.op(op), { discard: true })
  }

  private defs(defs: ReadonlyArray<CgroupDef>): Compiled {
    return Effect.gen(this, function* () {
      const groups: Array<LiveGroup> = []
      for (const def of defs) {
        yield* badName(cgroupNameProblem(def.name))
        const mark = this.commands.length
        this.emit(Command.Mark({ kind: "CgroupDef", detail: def.name }))
        this.create(def.name, def.controllers)
        const details = [def.name]
        if (def.cpuset !== undefined) details.push(`cpuset ${yield* this.setCpuset(def.name, def.cpuset)}`)
        for (const spec of def.workGroups) {
          const group = yield* this.spawn(def.name, spec, def.isSwappable)
          groups.push(group)
          details.push(`${group.workers}x${this.planned[group.group]!.workType}`)
        }
        for (const { payload } of def.payloads) details.push(payload.name)
        // The details are known only now, but the mark stays at the beginning, where its time is right.
        this.commands[mark] = Command.Mark({ kind: "CgroupDef", detail: details.join(" ") })
      }
      this.start(groups)
      const specs = defs.flatMap((def) => def.payloads)
      this.lifetime.payloads.push(...(yield* Effect.forEach(specs, (spec) => this.payloads.run(spec, this.current))))
    })
  }

  private op(op: Op): Compiled {
    return Effect.gen(this, function* () {
      for (const name of cgroupsOf(op)) yield* badName(cgroupNameProblem(name))
      const wrong = opValueProblem(op)
      if (wrong !== undefined) return yield* new PlanError({ reason: "Value", message: wrong })
      const mark = this.commands.length
      this.emit(Command.Mark({ kind: op._tag, detail: Op.describe(op) }))
      switch (op._tag) {
        case "AddCgroup":
          return this.create(op.cgroup, op.controllers)
        case "RemoveCgroup":
          return this.remove(op.cgroup)
        case "SetCpuset": {
          const cpus = yield* this.setCpuset(op.cgroup, op.cpuset)
          this.commands[mark] = Command.Mark({ kind: op._tag, detail: `${Op.describe(op)} ${cpus}` })
          return
        }
        case "ClearCpuset":
          this.emit(Command.CgroupWrite({ path: op.cgroup, file: "cpuset.cpus", value: cleared }))
          this.state.setCpuset(op.cgroup, undefined)
          return this.record()
        case "SwapCpusets":
          return this.swapCpusets(op.a, op.b)
        case "Spawn":
          return this.start([yield* this.spawn(op.cgroup, op.work, false)])
        case "SpawnHost":
          return this.start([yield* this.spawn("", op.work, false)])
        case "StopCgroup":
          yield* this.checkCreated(op)
          return this.stop(this.running(op.cgroup))
        case "SetAffinity":
          yield* this.checkCreated(op)
          return yield* this.setAffinity(op.cgroup, op.affinity)
        case "MoveAllTasks":
          this.emit(Command.CgroupMoveAll({ from: op.from, to: op.to }))
          for (const group of this.running(op.from)) group.cgroup = op.to
          this.payloads.move((cgroup) => cgroup === op.from, op.to)
          return this.record()
        case "FreezeCgroup":
        case "UnfreezeCgroup": {
          const frozen = op._tag === "FreezeCgroup"
          this.emit(Command.CgroupWrite({ path: op.cgroup, file: "cgroup.freeze", value: frozen ? "1" : "0" }))
          return this.state.setFrozen(op.cgroup, frozen)
        }
        case "SetWeight":
          return this.emit(Command.CgroupWrite({ path: op.cgroup, file: "cpu.weight", value: `${op.weight}` }))
        case "SetBandwidth": {
          const value = `${op.quotaUs} ${op.periodUs}`
          return this.emit(Command.CgroupWrite({ path: op.cgroup, file: "cpu.max", value }))
        }
        case "DetachScheduler":
          return yield* this.scheduler(op, Command.SchedStop())
        case "AttachScheduler":
          return yield* this.scheduler(op, Command.SchedStart())
        case "RestartScheduler":
          return yield* this.scheduler(op, Command.SchedStop(), Command.SchedStart())
        case "RunPayload":
          return this.lifetime.payloads.push(yield* this.payloads.run(op.spec, this.current))
        case "WaitPayload":
          return yield* this.payloads.wait(op)
        case "KillPayload":
          return yield* this.payloads.kill(op)
        case "KillWorker":
          yield* this.checkCreated(op)
          return yield* this.killWorker(op)
      }
    })
  }

  private create(path: string, controllers: ReadonlyArray<CgroupController>): void {
    const added = this.state.create(path)
    this.lifetime.cgroups.push(...added)
    // Creating an existing cgroup is harmless, and shows on the timeline.
    for (const name of added.length === 0 ? [path] : added) this.emit(Command.CgroupCreate({ path: name, controllers }))
  }

  private remove(path: string): void {
    this.emit(Command.CgroupRemove({ path }))
    this.state.remove(path)
    const within = (cgroup: string) => cgroup === path || cgroup.startsWith(`${path}/`)
    for (const group of this.live) if (group.running && within(group.cgroup)) group.cgroup = ""
    this.payloads.move(within, "")
    this.record()
  }

  private setCpuset(cgroup: string, spec: CpusetSpec): Compiled<CpuSet> {
    return Effect.gen(this, function* () {
      const cpus = yield* Either.mapLeft(
        CpusetSpec.resolve(spec, this.ctx.topo, cgroup),
        (error) => new PlanError({ reason: "Cpuset", message: error.message })
      )
      this.emit(Command.CgroupWrite({ path: cgroup, file: "cpuset.cpus", value: cpus.toString() }))
      this.state.setCpuset(cgroup, cpus)
      this.record()
      return cpus
    })
  }

  private swapCpusets(a: string, b: string): void {
    const [ofA, ofB] = [this.state.cpusetOf(a), this.state.cpusetOf(b)]
    for (const [path, cpuset] of [
      [a, ofB],
      [b, ofA]
    ] as const) {
      this.emit(Command.CgroupWrite({ path, file: "cpuset.cpus", value: cpuset?.toString() ?? cleared }))
      this.state.setCpuset(path, cpuset)
    }
    this.record()
  }

  private spawn(cgroup: string, spec: WorkSpec, swappable: boolean): Compiled<LiveGroup> {
    return Effect.gen(this, function* () {
      const subject = cgroup === "" ? "the root cgroup" : `cgroup '${cgroup}'`
      const work = yield* resolveWork(spec, this.ctx, swappable, subject)
      if (work.warning !== undefined) this.warnings.push(work.warning)
      for (const include of work.instance.includes ?? []) this.includes.add(include)
      const affinity = yield* Either.mapLeft(
        Affinity.resolve(spec.affinity ?? Affinity.Inherit, work.workers, this.affinityContext(cgroup)),
        affinityFailure(subject)
      )
      const cpuset = this.state.isConfined(cgroup) ? this.state.effective(cgroup) : undefined
      const workers = yield* toWorkers(spec, affinity, { topology: this.ctx.topo, cpuset, subject })
      const group = this.live.length
      const { command, live, planned } = newGroup({ group, cgroup, step: this.current }, work, affinity, workers)
      this.emit(command)
      this.live.push(live)
      this.lifetime.groups.push(live)
      this.planned.push(planned)
      return live
    })
  }

  private affinityContext(cgroup: string) {
    return { topology: this.ctx.topo, allowed: this.state.effective(cgroup), random: this.random }
  }

  private start(groups: ReadonlyArray<LiveGroup>): void {
    if (groups.length === 0) return
    this.emit(Command.Start({ groups: groups.map((group) => group.group) }))
    for (const group of groups) group.running = true
    this.record()
  }

  private stop(groups: ReadonlyArray<LiveGroup>): void {
    const running = groups.filter((group) => group.running)
    if (running.length === 0) return
    for (const group of running) this.thaw(group.cgroup)
    this.emit(Command.Stop({ groups: running.map((group) => group.group) }))
    for (const group of running) group.running = false
  }

  /** Unfreezes a cgroup before its tasks are stopped: frozen tasks can't react to a stop and would be killed. */
  private thaw(cgroup: string): void {
    for (let frozen = this.state.frozenAt(cgroup); frozen !== undefined; frozen = this.state.frozenAt(cgroup)) {
      this.emit(Command.CgroupWrite({ path: frozen, file: "cgroup.freeze", value: "0" }))
      this.state.setFrozen(frozen, false)
    }
  }

  private end(lifetime: Lifetime): void {
    this.stop(lifetime.groups)
    this.payloads.stop(lifetime.payloads)
    for (const path of [...lifetime.cgroups].reverse()) if (this.state.exists(path)) this.remove(path)
  }

  private setAffinity(cgroup: string, kind: AffinityKind): Compiled {
    return Effect.gen(this, function* () {
      for (const group of this.running(cgroup)) {
        group.affinity = yield* Either.mapLeft(
          Affinity.resolve(kind, group.workers, this.affinityContext(cgroup)),
          affinityFailure(`cgroup '${cgroup}'`)
        )
        group.affinityChanged = true
        const all = group.affinity.every((mask) => mask === undefined)
        const cpus = all ? [[]] : group.affinity.map((mask) => mask?.cpus ?? [])
        this.emit(Command.SetAffinity({ group: group.group, cpus }))
      }
      this.record()
    })
  }

  private killWorker(op: Extract<Op, { _tag: "KillWorker" }>): Compiled {
    const { found, count } = workerAt(this.running(op.cgroup), op.worker)
    if (found === undefined) {
      const message = `KillWorker: cgroup '${op.cgroup}' has ${count} running workers, no worker ${op.worker}`
      return new PlanError({ reason: "Value", message })
    }
    return Effect.sync(() => this.emit(Command.KillWorker({ ...found, signal: op.signal })))
  }

  private scheduler(op: Op, ...commands: ReadonlyArray<Command>): Compiled {
    if (!isKernelScheduler(this.ctx.scheduler)) return Effect.sync(() => this.emit(...commands))
    const message = `${op._tag}: the run has no scheduler of its own, the kernel's ${this.ctx.scheduler} is always there; give one with --scheduler`
    return new PlanError({ reason: "Value", message })
  }

  private loop(ops: ReadonlyArray<Op>, totalNs: number, intervalNs: number, label: string): Compiled {
    return compileLoop({
      commands: this.commands,
      body: this.allOps(ops),
      state: () => `${this.state.snapshot()} ${this.payloads.snapshot()}`,
      totalNs,
      intervalNs,
      label
    })
  }

  private checkCreated(op: Op & { readonly cgroup: string }): Compiled {
    return badName(createdProblem(op, this.state))
  }
}
