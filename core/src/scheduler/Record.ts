/**
 * Collects what an agent sends about the scheduler under test.
 *
 * @since 0.1.0
 */
import { type AgentEvent, BoundedList, guestLimits, printable, type SchedulerTelemetry } from "../protocol/index.ts"

type Started = Extract<AgentEvent, { readonly _tag: "SchedStarted" }>

const decodeAll = (parts: ReadonlyArray<Uint8Array>): string => {
  const decoder = new TextDecoder()
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode()
}

const linesOf = (text: string): ReadonlyArray<string> => {
  const lines = text.replaceAll("\r\n", "\n").split("\n")
  while (lines.at(-1)?.trim() === "") lines.pop()
  return lines.map(printable)
}

/**
 * Collects events one by one; read it when the session has ended.
 *
 * @since 0.1.0
 * @category models
 */
export class SchedulerRecord {
  private readonly startList = new BoundedList<Started>(guestLimits.schedulerStarts)
  private readonly endList = new BoundedList<SchedulerTelemetry>(guestLimits.schedulerStarts)
  private readonly output: Array<Uint8Array> = []
  private readonly dumps: Array<Uint8Array> = []
  private outputBytes = 0
  private dumpBytes = 0
  /** Where bytes of the output are missing: before which part, and how many. */
  private readonly gaps: Array<{ readonly at: number; readonly bytes: number }> = []
  /** Index of the first part after the dropped output. */
  private tailAt: number | undefined

  /** Adds an event; ignores events that are not about the scheduler. */
  add(event: AgentEvent): void {
    switch (event._tag) {
      case "SchedStarted":
        this.startList.push(event)
        return
      case "SchedEnded": {
        const { _tag, ...end } = event
        // Beyond the limit, the latest end replaces the last one kept.
        if (!this.endList.push(end)) this.endList.items[this.endList.items.length - 1] = end
        else if (end.dropped > 0) this.gaps.push({ at: this.tailAt ?? this.output.length, bytes: end.dropped })
        this.tailAt = undefined
        return
      }
      case "SchedOutput":
        if (event.tail) this.tailAt ??= this.output.length
        this.outputBytes += event.bytes.length
        if (this.outputBytes <= guestLimits.schedulerBytes) this.output.push(event.bytes.slice())
        return
      case "SchedDump":
        this.dumpBytes += event.bytes.length
        if (this.dumpBytes <= guestLimits.schedulerBytes) this.dumps.push(event.bytes.slice())
        return
      default:
        return
    }
  }

  /** Every time that the scheduler attached. */
  get starts(): ReadonlyArray<Started> {
    return this.startList.items
  }

  get ends(): ReadonlyArray<SchedulerTelemetry> {
    return this.endList.items
  }

  /** The latest end that was not requested. */
  get failure(): SchedulerTelemetry | undefined {
    return this.ends.findLast((end) => end.message !== "")
  }

  /** Whether it failed only while stopping: it was asked to stop, and did not do so properly. */
  get failedAtStop(): boolean {
    return this.failure?.cause === "told to"
  }

  /** Its output, with a line where something was left out. */
  get log(): ReadonlyArray<string> {
    let from = 0
    const lines: Array<string> = []
    for (const { at, bytes } of this.gaps) {
      lines.push(...linesOf(decodeAll(this.output.slice(from, at))), `… ${bytes} bytes of output left out …`)
      from = at
    }
    lines.push(...linesOf(decodeAll(this.output.slice(from))))
    return lines
  }

  /** The dumps without the prefixes of trace_pipe. */
  get dump(): ReadonlyArray<string> {
    const mark = "sched_ext_dump: "
    return linesOf(decodeAll(this.dumps)).map((line) => {
      const at = line.indexOf(mark)
      return at < 0 ? line : line.slice(at + mark.length)
    })
  }
}

/**
 * Describes how the scheduler's process ended.
 *
 * @since 0.1.0
 * @category messages
 */
export const describeSchedulerExit = (end: SchedulerTelemetry): string => {
  switch (end.kind) {
    case "exited":
      return `its process exited with status ${end.value}`
    case "signaled":
      return `its process died of signal ${end.value}`
    case "killed":
      return "its process had to be killed"
    case "not run":
      return "its program could not be run"
    case "still runs":
      return "its process still ran"
  }
}

const disabled = /^sched_ext: BPF scheduler "(.*)" disabled \((.*)\)$/

/**
 * Returns why the kernel disabled the scheduler, from lines of its log: `runnable task stall: kworker/u8:1[42] failed to run for 5.120s`. Undefined
 * if its own process or the agent disabled it, or if it never attached.
 *
 * @since 0.1.0
 * @category messages
 */
export const kernelReason = (end: SchedulerTelemetry): string | undefined => {
  const at = end.kernelLog.findLastIndex((line) => disabled.test(line))
  const [, name, reason] = disabled.exec(end.kernelLog[at] ?? "") ?? []
  if (name === undefined || reason === undefined || /^(unregistered from user space|disabled by sysrq-S)$/.test(reason))
    return undefined
  const prefix = `sched_ext: ${name}: `
  const message = end.kernelLog.slice(at + 1).find((line) => line.startsWith(prefix))
  return message === undefined ? reason : `${reason}: ${message.slice(prefix.length)}`
}
