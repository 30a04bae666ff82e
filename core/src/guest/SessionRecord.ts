/**
 * Gathers what an agent says over one session.
 *
 * @since 0.1.0
 */

import type { WorkerReport } from "../WorkerReport.ts"
import { type AgentEvent, outsideSteps } from "./AgentEvent.ts"
import { toWorkerReport } from "./AgentProtocol.ts"
import { GuestCpu, GuestNode } from "./GuestTopology.ts"
import { ProcessRecord } from "./ProcessRecord.ts"
import { SchedulerRecord } from "./SchedulerRecord.ts"
import { StimulusEvent } from "./StimulusEvent.ts"

type Ready = Extract<AgentEvent, { readonly _tag: "Ready" }>
type GuestError = Extract<AgentEvent, { readonly _tag: "Error" }>

/**
 * Grows event by event; read it when the session has ended.
 *
 * @since 0.1.0
 * @category models
 */
export class SessionRecord {
  ready: Ready | undefined
  readonly reports: Array<WorkerReport> = []
  readonly errors: Array<GuestError> = []
  readonly stimuli: Array<StimulusEvent> = []
  /** Warnings and errors of the agent's log. */
  readonly logs: Array<string> = []
  /** `/proc/schedstat` at the end; undefined: it was not sent. */
  schedstat: string | undefined
  readonly scheduler = new SchedulerRecord()
  readonly processes = new ProcessRecord()
  private readonly latencies = new Map<string, Array<number>>()
  private firstStepAt: number | undefined
  private readonly cgroupParent: string | undefined

  /** `cgroupParent`: below which the guest has the scenario's cgroups; reports name them without it. */
  constructor(cgroupParent?: string) {
    this.cgroupParent = cgroupParent
  }

  private ownName(cgroup: string): string {
    const prefix = `${this.cgroupParent}/`
    return this.cgroupParent !== undefined && cgroup.startsWith(prefix) ? cgroup.slice(prefix.length) : cgroup
  }

  /** Takes one event; gives the stimulus it made, if it made one. */
  add(event: AgentEvent): StimulusEvent | undefined {
    switch (event._tag) {
      case "Ready":
        this.ready = event
        return undefined
      case "Error":
        this.errors.push(event)
        return undefined
      case "Log":
        if (event.level === "error" || event.level === "warning") this.logs.push(event.text)
        return undefined
      case "Schedstat":
        this.schedstat = event.text
        return undefined
      case "Latencies": {
        const key = `${event.group}/${event.index}`
        const kept = this.latencies.get(key) ?? []
        for (const latency of event.latenciesNs) kept.push(latency)
        this.latencies.set(key, kept)
        return undefined
      }
      case "Report": {
        const key = `${event.group}/${event.index}`
        const named = { ...event, cgroup: this.ownName(event.cgroup) }
        this.reports.push(toWorkerReport(named, this.latencies.get(key) ?? []))
        this.latencies.delete(key)
        return undefined
      }
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
        this.stimuli.push(stimulus)
        return stimulus
      }
      default:
        this.scheduler.add(event)
        return undefined
    }
  }

  /** The guest's own view of its topology; null when it never said. */
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

/** As `Topology.toString` writes it where the guest's CPUs form one, else the counts of what is there. */
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
