/**
 * Groups the failures of many runs by cause.
 *
 * @since 0.1.0
 */
import type { RunResult } from "./RunResult.ts"

/**
 * Removes from a detail what differs between two runs that fail for the same reason: numbers, and the rest of a list of workers.
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
 * Returns why a run failed, without numbers: the kernel's reason if it ended the scheduler, else the first detail. Undefined if the run did not fail.
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
