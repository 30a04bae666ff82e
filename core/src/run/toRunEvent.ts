import type { PayloadSpec } from "../payload/index.ts"
import type { AgentEvent } from "../protocol/index.ts"
import { describeSchedulerExit } from "../scheduler/index.ts"
import { RunEvent } from "./RunEvent.ts"

/** What an event of the agent does not say itself. */
export interface RunEventContext {
  /** The scheduler's name in the result. */
  readonly scheduler: string
  /** Host milliseconds that the boot took; called at `Ready`. */
  readonly bootMs: () => number
  readonly payloadSpecs: ReadonlyMap<number, PayloadSpec>
}

/** Converts an event of the agent to one for reporters; undefined if reporters don't need it. */
export const toRunEvent = (
  event: AgentEvent,
  { bootMs, payloadSpecs, scheduler: name }: RunEventContext
): RunEvent | undefined => {
  switch (event._tag) {
    case "Ready":
      return RunEvent.AgentReady({ release: event.release, bootMs: bootMs() })
    case "Step":
      return event.begin
        ? RunEvent.StepBegan({ index: event.index, count: event.count, label: event.label })
        : RunEvent.StepEnded({ index: event.index, count: event.count })
    case "Progress":
      return RunEvent.Holding({ elapsedMs: event.elapsedNs / 1e6, holdMs: event.holdNs / 1e6 })
    case "SchedStarted":
      return RunEvent.SchedulerAttached({ name, ops: event.ops, attachMs: event.attachNs / 1e6 })
    case "SchedEnded":
      return RunEvent.SchedulerEnded({ name, exit: describeSchedulerExit(event), message: event.message })
    case "Log":
      return RunEvent.GuestLog({ level: event.level, text: event.text })
    case "ProcExit": {
      const spec = payloadSpecs.get(event.id)
      if (spec === undefined) return undefined
      return RunEvent.PayloadEnded({ name: spec.payload.name, cgroup: spec.cgroup, durationMs: event.durationNs / 1e6 })
    }
    default:
      return undefined
  }
}
