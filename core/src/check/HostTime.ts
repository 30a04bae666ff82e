/**
 * Converts the host's delay to guest time, and decides what it excuses.
 *
 * @since 0.2.0
 */
import type { HostDelayTimeline } from "../machine/index.ts"

/**
 * If the host withheld less than this share of a period, it was idle enough, and a failure counts.
 *
 * @since 0.2.0
 * @category constants
 */
export const negligibleShare = 0.05

/**
 * If the host withheld at least this share of a deadline (boot, attach, stop, stall), the host is the reason why it passed.
 *
 * @since 0.2.0
 * @category constants
 */
export const deadlineShare = 0.25

/**
 * Uncertainty in aligning the two clocks, in milliseconds: a frame is read some time after it was sent.
 *
 * @since 0.2.0
 * @category constants
 */
export const alignmentMs = 100

/**
 * Aligns guest time with host time. The agent's frames carry the guest's time and are read some time later; the frame with the shortest delay counts.
 *
 * @since 0.2.0
 * @category models
 */
export class GuestClock {
  private offsetMs = Number.POSITIVE_INFINITY

  /** Records that a frame of guest time `guestNs` was read at `hostMs`. */
  heard(guestNs: number, hostMs: number): void {
    this.offsetMs = Math.min(this.offsetMs, hostMs - guestNs / 1e6)
  }

  /** Converts guest nanoseconds to host milliseconds; undefined before the first frame. */
  toHostMs(guestNs: number): number | undefined {
    return Number.isFinite(this.offsetMs) ? guestNs / 1e6 + this.offsetMs : undefined
  }
}

/**
 * How long the host kept a machine waiting, by the guest's clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface HostTime {
  /** Returns an upper bound of the milliseconds withheld between two guest times (nanoseconds), never more than the time between them. */
  readonly during: (fromNs: number, toNs: number) => number
  /** Returns the most time withheld in any interval of `lengthMs` milliseconds between two guest times. */
  readonly worst: (lengthMs: number, fromNs: number, toNs: number) => number
  /** How long one CPU of the machine may wait for the others in one stretch, in milliseconds; 0 if each CPU has its own thread. */
  readonly turnMs: number
}

/**
 * Makes a HostTime from a timeline and a clock; undefined if the clock has not seen a frame yet. Intervals are widened by {@link alignmentMs} on both
 * sides. `turnMs`: see {@link HostTime}.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeHostTime = (timeline: HostDelayTimeline, clock: GuestClock, turnMs = 0): HostTime | undefined => {
  const origin = clock.toHostMs(0)
  if (origin === undefined) return undefined
  const from = (ns: number): number => origin + ns / 1e6 - alignmentMs
  const to = (ns: number): number => origin + ns / 1e6 + alignmentMs
  return {
    during: (fromNs, toNs) => Math.max(0, Math.min((toNs - fromNs) / 1e6, timeline.between(from(fromNs), to(toNs)))),
    worst: (lengthMs, fromNs, toNs) => timeline.worst(lengthMs, from(fromNs), to(toNs)),
    turnMs
  }
}
