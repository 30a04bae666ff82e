/**
 * The host's delay in the guest's own time, and what it excuses.
 *
 * @since 0.2.0
 */
import type { HostDelayTimeline } from "../machine/index.ts"

/**
 * Share of a stretch of time below which its host was idle enough: a failure stands.
 *
 * @since 0.2.0
 * @category constants
 */
export const negligibleShare = 0.05

/**
 * Share of a deadline (boot, attach, stop, stall) from which on the host is why it passed.
 *
 * @since 0.2.0
 * @category constants
 */
export const deadlineShare = 0.25

/**
 * How exactly the two clocks can be set against each other: a frame is read some time after it was sent. Milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const alignmentMs = 100

/**
 * Sets guest time against host time by the frames of the agent, which carry the guest's time and are read some time later. The one that was
 * read soonest counts.
 *
 * @since 0.2.0
 * @category models
 */
export class GuestClock {
  private offsetMs = Number.POSITIVE_INFINITY

  /** A frame of guest time `guestNs` was read at `hostMs`. */
  heard(guestNs: number, hostMs: number): void {
    this.offsetMs = Math.min(this.offsetMs, hostMs - guestNs / 1e6)
  }

  /** Undefined before the first frame. */
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
  /** At most how many milliseconds between two moments of the guest (nanoseconds), never more than lie between them. */
  readonly during: (fromNs: number, toNs: number) => number
  /** The most in any stretch of `lengthMs` milliseconds between two moments of the guest. */
  readonly worst: (lengthMs: number, fromNs: number, toNs: number) => number
  /** How long one CPU of the machine may wait for its others in one stretch, milliseconds; 0 where each has a thread of its own. */
  readonly turnMs: number
}

/**
 * Undefined before the clock heard a frame. Moments are widened by {@link alignmentMs} on both sides. `turnMs`: as in {@link HostTime}.
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
