/**
 * How long a step lasts.
 *
 * @since 0.1.0
 */
import { Data, Duration, Either } from "effect"

/**
 * The length of a hold. `Frac` is a fraction of the scenario's duration. `Loop` sets up once, then repeats the step's ops every `interval` until the
 * time is up: a fraction of the scenario's duration, or what earlier steps left of it.
 *
 * @since 0.1.0
 * @category models
 */
export type HoldSpec = Data.TaggedEnum<{
  Frac: { readonly fraction: number }
  Fixed: { readonly duration: Duration.Duration }
  Loop: { readonly interval: Duration.Duration; readonly fraction: number | undefined }
}>

/**
 * A hold is invalid.
 *
 * @since 0.1.0
 * @category errors
 */
export class HoldSpecError extends Data.TaggedError("HoldSpecError")<{ readonly message: string }> {}

const make = Data.taggedEnum<HoldSpec>()

/** Converts a duration to nanoseconds; infinite durations have no such count of their own. */
const nanos = (duration: Duration.Duration): number =>
  Duration.isFinite(duration) ? Number(Duration.unsafeToNanos(duration)) : Number.POSITIVE_INFINITY

/**
 * Constructors and functions for holds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const HoldSpec: {
  /** Holds for a fraction of the scenario's duration, from 0 to 1. */
  readonly Frac: (fraction: number) => HoldSpec
  /** The scenario's whole duration. */
  readonly FULL: HoldSpec
  readonly Fixed: (duration: Duration.DurationInput) => HoldSpec
  /** Repeats the ops every `interval` for `fraction` of the scenario's duration; without a fraction, for the time that earlier steps left. */
  readonly Loop: (interval: Duration.DurationInput, fraction?: number) => HoldSpec
  /** Returns the nanoseconds for which the step holds, in a scenario of `durationMs` with `heldNs` already used, or what is wrong with the hold. */
  readonly resolve: (spec: HoldSpec, durationMs: number, heldNs?: number) => Either.Either<number, HoldSpecError>
  /** Returns the nanoseconds between two rounds of a loop. */
  readonly intervalNs: (spec: Extract<HoldSpec, { readonly _tag: "Loop" }>) => number
} = {
  Frac: (fraction) => make.Frac({ fraction }),
  FULL: make.Frac({ fraction: 1 }),
  Fixed: (duration) => make.Fixed({ duration: Duration.decode(duration) }),
  Loop: (interval, fraction) => make.Loop({ interval: Duration.decode(interval), fraction }),
  intervalNs: (spec) => nanos(spec.interval),
  resolve: (spec, durationMs, heldNs = 0) => {
    const fail = (message: string) => Either.left(new HoldSpecError({ message }))
    if (spec._tag === "Fixed") {
      const ns = nanos(spec.duration)
      return Number.isFinite(ns) ? Either.right(ns) : fail("HoldSpec: Fixed needs a finite duration")
    }
    const fraction = spec.fraction
    if (fraction !== undefined && !(fraction >= 0 && fraction <= 1)) {
      return fail(`HoldSpec: ${spec._tag} fraction must lie in [0.0, 1.0], got ${fraction}`)
    }
    if (spec._tag === "Loop") {
      const interval = nanos(spec.interval)
      if (!(interval > 0 && Number.isFinite(interval))) {
        return fail(`HoldSpec: Loop interval must be longer than 0 and finite, got ${Duration.format(spec.interval)}`)
      }
    }
    if (fraction !== undefined) return Either.right(Math.round(durationMs * 1e6 * fraction))
    const rest = Math.round(durationMs * 1e6) - heldNs
    return rest > 0
      ? Either.right(rest)
      : fail("HoldSpec: Loop has no time left; earlier steps hold the whole duration")
  }
}
