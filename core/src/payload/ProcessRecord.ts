/**
 * Collects the output and the ends of a session's processes.
 *
 * @since 0.1.0
 */
import { concatBytes } from "../base/index.ts"
import { type AgentEvent, guestLimits, type ProcessTelemetry } from "../protocol/index.ts"

/**
 * What is known of a process.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedProcess {
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  /** Bytes that were not kept, here or in the guest. */
  readonly dropped: number
  /** Undefined: its end was not received. */
  readonly end: ProcessTelemetry | undefined
}

interface Growing {
  readonly chunks: readonly [Array<Uint8Array>, Array<Uint8Array>]
  dropped: number
  end: ProcessTelemetry | undefined
  readonly waiting: Array<() => void>
}

/**
 * Collects events one by one. Keeps the beginning of all output and the first processes (`guestLimits`). If a process is reported to end twice, the
 * first end counts.
 *
 * @since 0.1.0
 * @category models
 */
export class ProcessRecord {
  private readonly processes = new Map<number, Growing>()
  private kept = 0

  add(event: AgentEvent): void {
    if (event._tag === "ProcExit") {
      const process = this.of(event.id)
      process.end ??= event
      for (const heard of process.waiting.splice(0)) heard()
    }
    if (event._tag !== "ProcOutput") return
    const process = this.of(event.id)
    const room = Math.min(event.bytes.length, guestLimits.outputBytes - this.kept)
    this.kept += room
    process.dropped += event.bytes.length - room
    // Copy the bytes, because they may be a view of a whole frame.
    if (room > 0) process.chunks[event.stream === "stderr" ? 1 : 0].push(event.bytes.slice(0, room))
  }

  /** Returns what is known so far of the process with this number. */
  get(id: number): RecordedProcess {
    const { chunks, dropped, end } = this.of(id)
    return {
      stdout: concatBytes(chunks[0]),
      stderr: concatBytes(chunks[1]),
      dropped: dropped + (end?.dropped ?? 0),
      end
    }
  }

  /** Calls back when the process's end has been received; immediately if it already was. */
  whenEnded(id: number, heard: () => void): void {
    const process = this.of(id)
    if (process.end === undefined) process.waiting.push(heard)
    else heard()
  }

  private of(id: number): Growing {
    const known = this.processes.get(id)
    if (known !== undefined) return known
    const added: Growing = { chunks: [[], []], dropped: 0, end: undefined, waiting: [] }
    if (this.processes.size < guestLimits.processes) this.processes.set(id, added)
    return added
  }
}
