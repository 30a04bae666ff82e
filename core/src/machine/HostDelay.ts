/**
 * How long the host kept a machine waiting, over the time of a run.
 *
 * @since 0.2.0
 */

/**
 * Longest slices of a timeline before it halves its resolution: at 25 ms each, 27 minutes.
 *
 * @since 0.2.0
 * @category constants
 */
export const mostSlices = 65_536

/**
 * Slices of host time one after the other, each with the time in which the machine wanted to run and could not. All times are milliseconds
 * of the host's wall clock, which goes on while the host is suspended.
 *
 * A machine has several threads. A moment counts as withheld when any of them waits: a guest whose one CPU stands still can't answer its
 * others. Of two threads that wait within a slice the longer wait counts, so that a slice never has more delay than time.
 *
 * @since 0.2.0
 * @category models
 */
export class HostDelayTimeline {
  private ends: Array<number> = []
  private delays: Array<number> = []

  constructor(
    /** Where the first slice begins. */
    readonly beganMs: number,
    private readonly most: number = mostSlices
  ) {}

  /** Where the last slice ends. */
  get endedMs(): number {
    return this.ends.at(-1) ?? this.beganMs
  }

  /** How many slices there are. */
  get slices(): number {
    return this.ends.length
  }

  /**
   * Ends a slice at `atMs`. `waitsMs`: how long each thread had to wait, as known by now. A wait that is longer than the slice began before
   * it: the kernel tells of one only when it is over. A clock that was set back makes no slice.
   */
  add(atMs: number, waitsMs: ReadonlyArray<number>): void {
    if (!(atMs > this.endedMs)) return
    this.ends.push(atMs)
    this.delays.push(0)
    for (const waitMs of waitsMs) {
      let left = waitMs
      for (let slice = this.ends.length - 1; slice >= 0 && left > 0; slice--) {
        const taken = Math.min(left, this.ends[slice]! - this.startOf(slice))
        this.delays[slice] = Math.max(this.delays[slice]!, taken)
        left -= taken
      }
    }
    if (this.ends.length > this.most) this.halve()
  }

  /** At most how much was withheld between two moments: of a slice that is only partly between them all its delay may lie there. */
  between(fromMs: number, toMs: number): number {
    let sum = 0
    for (let slice = this.firstAfter(fromMs); slice < this.ends.length; slice++) {
      const start = this.startOf(slice)
      if (start >= toMs) break
      const overlap = Math.min(toMs, this.ends[slice]!) - Math.max(fromMs, start)
      sum += Math.min(overlap, this.delays[slice]!)
    }
    return sum
  }

  /** The most that was withheld in any stretch of this length between two moments. */
  worst(lengthMs: number, fromMs: number, toMs: number): number {
    let worst = 0
    for (let slice = this.firstAfter(fromMs); slice < this.ends.length && this.startOf(slice) < toMs; slice++) {
      // The worst stretch begins or ends where a slice does.
      const start = Math.max(fromMs, this.startOf(slice))
      const end = Math.min(toMs, this.ends[slice]!)
      worst = Math.max(
        worst,
        this.between(start, Math.min(toMs, start + lengthMs)),
        this.between(Math.max(fromMs, end - lengthMs), end)
      )
    }
    return worst
  }

  private startOf(slice: number): number {
    return slice === 0 ? this.beganMs : this.ends[slice - 1]!
  }

  private firstAfter(atMs: number): number {
    let low = 0
    let high = this.ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ends[middle]! > atMs) high = middle
      else low = middle + 1
    }
    return low
  }

  private halve(): void {
    const odd = this.ends.length % 2
    const pairs = Array.from({ length: (this.ends.length - odd) / 2 }, (_, pair) => 2 * pair)
    const lastDelay = this.delays.at(-1)!
    const lastEnd = this.ends.at(-1)!
    this.delays = pairs.map((at) => this.delays[at]! + this.delays[at + 1]!)
    this.ends = pairs.map((at) => this.ends[at + 1]!)
    if (odd === 1) {
      this.delays.push(lastDelay)
      this.ends.push(lastEnd)
    }
  }
}

/**
 * What is known of the host's delay: the timeline up to now, or why there is none.
 *
 * @since 0.2.0
 * @category models
 */
export type HostDelay =
  | {
      readonly _tag: "Known"
      readonly timeline: HostDelayTimeline
      /** How long one CPU of the machine may wait for its others, milliseconds; 0 where each has a thread of its own. */
      readonly turnMs: number
    }
  | { readonly _tag: "Unknown"; readonly why: string }

/**
 * Follows the host's delay of one machine until its scope is closed.
 *
 * @since 0.2.0
 * @category models
 */
export interface HostDelayMeter {
  /** Takes a sample and gives what is known by then. Never throws. */
  readonly read: () => HostDelay
}
