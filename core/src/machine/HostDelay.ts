/**
 * How long the host kept a machine waiting, over the time of a run.
 *
 * @since 0.2.0
 */

/**
 * Maximum number of slices before a timeline halves its resolution; 27 minutes at 25 ms each.
 *
 * @since 0.2.0
 * @category constants
 */
export const maxSlices = 65_536

/**
 * Consecutive slices of host time, each with the time in which the machine wanted to run and could not. All times are milliseconds of the host's wall
 * clock, which keeps counting while the host is suspended.
 *
 * A machine has several threads. A moment counts as withheld when any of them waits, because a guest with one stalled CPU can't answer its other
 * CPUs. If two threads wait in the same slice, the longer wait counts, so the delay of a slice never exceeds its length.
 *
 * @since 0.2.0
 * @category models
 */
export class HostDelayTimeline {
  private ends: Array<number> = []
  private delays: Array<number> = []

  constructor(
    /** Start of the first slice. */
    readonly beganMs: number,
    private readonly capacity: number = maxSlices
  ) {}

  /** End of the last slice. */
  get endedMs(): number {
    return this.ends.at(-1) ?? this.beganMs
  }

  /** Number of slices. */
  get slices(): number {
    return this.ends.length
  }

  /**
   * Ends a slice at `atMs`. `waitsMs` holds how long each thread waited, as far as the kernel has reported. A wait longer than the slice began before
   * it, because the kernel reports a wait only when it is over; the excess is added to earlier slices. If the clock was set back, no slice is added.
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
    if (this.ends.length > this.capacity) this.halve()
  }

  /** Returns an upper bound of the time withheld between two moments. The whole delay of a partly covered slice may lie inside the interval. */
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

  /** Returns the most time withheld in any interval of length `lengthMs` between two moments. */
  worst(lengthMs: number, fromMs: number, toMs: number): number {
    let worst = 0
    for (let slice = this.firstAfter(fromMs); slice < this.ends.length && this.startOf(slice) < toMs; slice++) {
      // The worst interval begins or ends at a slice boundary.
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
 * The host's delay so far: a timeline, or the reason why there is none.
 *
 * @since 0.2.0
 * @category models
 */
export type HostDelay =
  | {
      readonly _tag: "Known"
      readonly timeline: HostDelayTimeline
      /** How long one CPU of the machine may wait for the others, in milliseconds; 0 if each CPU has its own thread. */
      readonly turnMs: number
    }
  | { readonly _tag: "Unknown"; readonly why: string }

/**
 * Measures the host's delay of one machine until its scope closes.
 *
 * @since 0.2.0
 * @category models
 */
export interface HostDelayMeter {
  /** Takes a sample and returns everything measured so far. Never throws. */
  readonly read: () => HostDelay
}
