/**
 * Limits on how much of a guest's output is kept. A guest is not trusted: every list that it can grow has a limit here, and everything beyond is
 * counted but not kept.
 *
 * @since 0.2.0
 */

/**
 * Maximum counts per session, unless the name says otherwise. Each is several times what ktstr's largest scenario needs.
 *
 * @since 0.2.0
 * @category constants
 */
export const guestLimits: {
  /** Worker reports. */
  readonly reports: number
  readonly stimuli: number
  /** Warnings and errors in the agent's log. */
  readonly logs: number
  /** `ERROR` events. */
  readonly errors: number
  /** Lines about reports that contradict each other or the plan. */
  readonly contradictions: number
  /** Starts of the scheduler; the same limit applies to its ends. */
  readonly schedulerStarts: number
  /** Wake latencies of one worker; the agent samples at most 100,000. */
  readonly latenciesOfWorker: number
  /** Wake latencies of all workers together. */
  readonly latencies: number
  /** Migrations of one worker; the agent records the first 1024. */
  readonly migrationsOfWorker: number
  /** Processes whose output and end are kept. */
  readonly processes: number
  /** Bytes of output of all processes together. */
  readonly outputBytes: number
  /** Bytes of the scheduler's output; the same limit applies to its dumps. */
  readonly schedulerBytes: number
  /** Characters of a message, a log line or a name. */
  readonly textLength: number
} = {
  reports: 65_536,
  stimuli: 65_536,
  logs: 1000,
  errors: 100,
  contradictions: 5,
  schedulerStarts: 10_000,
  latenciesOfWorker: 262_144,
  latencies: 33_554_432,
  migrationsOfWorker: 4096,
  processes: 16_384,
  outputBytes: 64 * 1024 * 1024,
  schedulerBytes: 4 * 1024 * 1024,
  textLength: 16_384
}

/**
 * A list that keeps its first `limit` items and counts the rest.
 *
 * @since 0.2.0
 * @category models
 */
export class BoundedList<A> {
  readonly items: Array<A> = []
  /** Number of items that were not kept. */
  more = 0
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  /** Adds an item; returns whether it was kept. */
  push(item: A): boolean {
    if (this.items.length >= this.limit) {
      this.more++
      return false
    }
    this.items.push(item)
    return true
  }
}
