/**
 * Failures that are alike, of many runs.
 *
 * @since 0.1.0
 */
import type { RunResult } from "./RunResult.ts"

/**
 * A detail without what differs between two runs that fail for one reason: numbers, and the end of a list of workers.
 *
 * @since 0.2.0
 * @category conversions
 */
export const causeKind = (text: string): string =>
  text
    .replace(/0x[0-9a-f]+/gi, "#")
    .replace(/\d+(\.\d+)?/g, "#")
    .replace(/#(-#|,#)+/g, "#")
    .replace(/\s+/g, " ")
    .trim()

/**
 * Why a run failed, without its numbers: the kernel's reason where it ended the scheduler, else the first detail. Undefined: it did not fail.
 *
 * @since 0.1.0
 * @category conversions
 */
export const failureCause = (
  result: Pick<RunResult, "outcome" | "details" | "schedulerReport">
): string | undefined => {
  if (result.outcome !== "fail") return undefined
  const kernel = result.schedulerReport?.kernelReason
  return causeKind(
    kernel === null || kernel === undefined
      ? (result.details[0] ?? "failed")
      : `the kernel ended the scheduler: ${kernel}`
  )
}
