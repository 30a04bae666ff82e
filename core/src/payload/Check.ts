/**
 * Checks of a payload.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A check of a payload. Bounds are inclusive. If a metric is not in the output, the run is inconclusive.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadCheck = Data.TaggedEnum<{
  Min: { readonly metric: string; readonly value: number }
  Max: { readonly metric: string; readonly value: number }
  Range: { readonly metric: string; readonly min: number; readonly max: number }
  /** The payload exits by itself with this status. Without such a check the status must be 0, unless ktstr stopped the payload. */
  ExitCode: { readonly code: number }
}>

const make = Data.taggedEnum<PayloadCheck>()

/** Returns the key of a check; of two checks with the same key, the later one counts. */
const keyOf = (check: PayloadCheck): string =>
  check._tag === "ExitCode" ? check._tag : `${check._tag} ${check.metric}`

/**
 * Constructors of checks, and functions on them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const PayloadCheck: {
  readonly min: (metric: string, value: number) => PayloadCheck
  readonly max: (metric: string, value: number) => PayloadCheck
  readonly range: (metric: string, min: number, max: number) => PayloadCheck
  readonly exitCode: (code: number) => PayloadCheck
  /** Merges layers; later checks replace earlier ones of the same kind for the same metric. */
  readonly merge: (...layers: ReadonlyArray<ReadonlyArray<PayloadCheck>>) => ReadonlyArray<PayloadCheck>
  /** Returns what is wrong with its numbers; undefined if nothing is. */
  readonly problem: (check: PayloadCheck) => string | undefined
} = {
  min: (metric, value) => make.Min({ metric, value }),
  max: (metric, value) => make.Max({ metric, value }),
  range: (metric, min, max) => make.Range({ metric, min, max }),
  exitCode: (code) => make.ExitCode({ code }),
  merge: (...layers) => [...new Map(layers.flat().map((check) => [keyOf(check), check])).values()],
  problem: (check) => {
    switch (check._tag) {
      case "ExitCode":
        return Number.isInteger(check.code) && check.code >= 0 && check.code <= 255
          ? undefined
          : `exitCode(${check.code}): a status is a whole number from 0 to 255`
      case "Range":
        return check.min <= check.max
          ? undefined
          : `range('${check.metric}', ${check.min}, ${check.max}): the least is greater than the greatest`
      default:
        return Number.isFinite(check.value)
          ? undefined
          : `${check._tag.toLowerCase()}('${check.metric}', ${check.value}): the bound must be a finite number`
    }
  }
}
