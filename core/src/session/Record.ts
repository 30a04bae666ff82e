/**
 * Collects what an agent sends during one session.
 *
 * @since 0.1.0
 */

import type { WorkerReport } from "../check/index.ts"
import { ProcessRecord } from "../payload/index.ts"
import { type AgentEvent, BoundedList, guestLimits, outsideSteps } from "../protocol/index.ts"
import { SchedulerRecord } from "../scheduler/index.ts"
import { GuestCpu, GuestNode } from "./GuestTopology.ts"
import { OnlineRecord } from "./OnlineRecord.ts"
import { StimulusEvent } from "./StimulusEvent.ts"
import { toWorkerReport } from "./toWorkerReport.ts"

type Ready = Extract<AgentEvent, { readonly _tag: "Ready" }>
type GuestError = Extract<AgentEvent, { readonly _tag: "Error" }>

/**
 * Collects events one by one; read it when the session has ended.
 *
 * @since 0.1.0
 * @category models
 */
export class SessionRecord {
  ready: Ready | undefined
  private readonly reportList = new BoundedList<WorkerReport>(guestLimits.reports)
  private readonly errorList = new BoundedList<GuestError>(guestLimits.errors)
  private readonly stimulusList = new BoundedList<StimulusEvent>(guestLimits.stimuli)
  private readonly logList = new BoundedList<string>(guestLimits.logs)
  private readonly reported = new Set<string>()
  private readonly doubleReports = new BoundedList<string>(guestLimits.contradictions)
  /** The number of workers that the guest says it reported; undefined: it never sent `DONE`. */
  private reportedCount: number | undefined
  private lostLatencies = 0
  private keptLatencies = 0
  /** `/proc/schedstat` at the end; undefined: not received. */
  schedstat: string | undefined
  readonly scheduler = new SchedulerRecord()
  readonly online = new OnlineRecord()
  readonly processes = new ProcessRecord()
  private readonly latencies = new Map<string, Array<number>>()
  private firstStepAt: number | undefined
  private readonly cgroupParent: string | undefined

  /** `cgroupParent` is the cgroup below which the guest has the scenario's cgroups; reports name them without it. */
  constructor(cgroupParent?: string) {
    this.cgroupParent = cgroupParent
  }

  private ownName(cgroup: string): string {
    const prefix = `${this.cgroupParent}/`
    return this.cgroupParent !== undefined && cgroup.startsWith(prefix) ? cgroup.slice(prefix.length) : cgroup
  }

  /** Adds an event; returns the stimulus if the event is one. */
  add(event: AgentEvent): StimulusEvent | undefined {
    switch (event._tag) {
      case "Ready":
        this.ready = event
        return undefined
      case "Error":
        this.errorList.push(event)
        return undefined
      case "Log":
        if (event.level === "error" || event.level === "warning") this.logList.push(event.text)
        return undefined
      case "Online":
        this.online.add(event, this.firstStepAt ?? this.ready?.timeNs ?? event.timeNs)
        return undefined
      case "Schedstat":
        this.schedstat = event.text
        return undefined
      case "Latencies": {
        const key = `${event.group}/${event.index}`
        const kept = this.latencies.get(key) ?? []
        const room = Math.min(guestLimits.latenciesOfWorker - kept.length, guestLimits.latencies - this.keptLatencies)
        const taken = event.latenciesNs.slice(0, Math.max(0, room))
        for (const latency of taken) kept.push(latency)
        this.keptLatencies += taken.length
        this.lostLatencies += event.latenciesNs.length - taken.length
        // Workers that never report count as well: there are at most as many lists as there may be reports.
        if (this.latencies.has(key) || this.latencies.size < guestLimits.reports) this.latencies.set(key, kept)
        return undefined
      }
      case "Report": {
        const key = `${event.group}/${event.index}`
        if (this.reported.has(key)) {
          this.doubleReports.push(`the guest reported worker ${event.index} of group ${event.group} more than once`)
          return undefined
        }
        if (this.reported.size < guestLimits.reports) this.reported.add(key)
        const named = { ...event, cgroup: this.ownName(event.cgroup) }
        this.reportList.push(toWorkerReport(named, this.latencies.get(key) ?? []))
        this.latencies.delete(key)
        return undefined
      }
      case "Done":
        this.reportedCount = event.workers
        return undefined
      case "ProcOutput":
      case "ProcExit":
        this.processes.add(event)
        return undefined
      case "Step":
        this.firstStepAt ??= event.timeNs
        return undefined
      case "Stimulus": {
        const stimulus = new StimulusEvent({
          timeNs: event.timeNs - (this.firstStepAt ?? event.timeNs),
          step: event.step === outsideSteps ? -1 : event.step,
          kind: event.kind,
          detail: event.detail,
          iterations: event.iterations
        })
        this.stimulusList.push(stimulus)
        return stimulus
      }
      default:
        this.scheduler.add(event)
        return undefined
    }
  }

  /** One report per worker; a second report of the same worker is a contradiction. */
  get reports(): ReadonlyArray<WorkerReport> {
    return this.reportList.items
  }

  get errors(): ReadonlyArray<GuestError> {
    return this.errorList.items
  }

  get stimuli(): ReadonlyArray<StimulusEvent> {
    return this.stimulusList.items
  }

  /** Warnings and errors of the agent's log, and how much was dropped because the guest sent too much. */
  get logs(): ReadonlyArray<string> {
    const { more } = this.logList
    const beyond = [
      [this.stimulusList.more, "events of the timeline"],
      [this.lostLatencies, "wake latencies"],
      [this.errorList.more, "errors of the guest"]
    ] as const
    return [
      ...this.logList.items,
      ...(more === 0 ? [] : [`… and ${more} more lines of the agent's log`]),
      ...beyond
        .filter(([count]) => count > 0)
        .map(([count, what]) => `… and ${count} more ${what}, which were not kept`)
    ]
  }

  /** Returns why the guest's reports can't be complete or correct, one line each; empty if nothing contradicts the `groups` that ran. */
  contradictions(groups: ReadonlyArray<{ readonly group: number; readonly workers: number }>): ReadonlyArray<string> {
    const planned = new Map(groups.map(({ group, workers }) => [group, workers]))
    const found = new BoundedList<string>(guestLimits.contradictions)
    for (const { group, index } of this.reports) {
      if (index < (planned.get(group) ?? 0)) continue
      found.push(`the guest reported worker ${index} of group ${group}, which nothing has started`)
    }
    const { items, more } = this.doubleReports
    const beyond = found.more + more
    const count = this.reportList.items.length + this.reportList.more + items.length + more
    return [
      ...found.items,
      ...items,
      ...(beyond === 0 ? [] : [`… and ${beyond} more reports of that kind`]),
      ...(this.reportList.more === 0
        ? []
        : [`the guest sent ${this.reportList.more} reports beyond ${guestLimits.reports}`]),
      ...(this.reportedCount === undefined || this.reportedCount === count
        ? []
        : [`the guest says that it reported ${this.reportedCount} workers, and ${count} reports came`])
    ]
  }

  /** The topology that the guest reports; null if it never did. */
  get topology(): {
    readonly summary: string
    readonly cpus: Array<GuestCpu>
    readonly nodes: Array<GuestNode>
  } | null {
    if (this.ready === undefined) return null
    const cpus = this.ready.topology.cpus.map((cpu) => new GuestCpu(cpu))
    const nodes = this.ready.topology.nodes.map((node) => new GuestNode({ ...node, distances: [...node.distances] }))
    return { summary: summarise(cpus, nodes), cpus, nodes }
  }
}

/** Formats the guest's topology like `Topology.toString` if its CPUs form a regular one, else as counts. */
const summarise = (cpus: ReadonlyArray<GuestCpu>, nodes: ReadonlyArray<GuestNode>): string => {
  const llcs = new Set(cpus.map((cpu) => cpu.llcId)).size
  const cores = new Set(cpus.map((cpu) => cpu.threadSiblings)).size
  const threads = cpus.length
  const perLlc = cores / llcs
  const perCore = threads / cores
  const llcsOf = nodes.map(({ node }) => new Set(cpus.filter((cpu) => cpu.node === node).map((cpu) => cpu.llcId)).size)
  const list = llcsOf.every((count) => count === llcsOf[0]) ? "" : `[${llcsOf.join("+")}]`
  return Number.isInteger(perLlc) && Number.isInteger(perCore)
    ? `${nodes.length}n${llcs}l${perLlc}c${perCore}t${list}`
    : `${nodes.length} nodes, ${llcs} LLCs, ${cores} cores, ${threads} CPUs`
}
