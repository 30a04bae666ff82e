/**
 * Summarises the runs of a session in its last lines.
 *
 * @since 0.2.0
 */

import type { Outcome, RunResult } from "@ktstr/core"
import { causeKind, failureCause, runName } from "@ktstr/core/run"
import { badge } from "./Badge.ts"
import { cut, printable, wrap } from "./ScreenText.ts"
import { styled } from "./Table.ts"

/**
 * How a run or a test ended.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ended {
  readonly name: string
  readonly outcome: Outcome
  /** The most important detail; empty on a pass. */
  readonly cause: string
  /** Equal for runs that ended for the same reason. */
  readonly kind: string
}

/**
 * @since 0.2.0
 * @category conversions
 */
export const endedOf = (result: RunResult): Ended => {
  const cause = result.details[0] ?? ""
  return {
    name: runName(result),
    outcome: result.outcome,
    cause,
    kind: failureCause(result) ?? (result.outcome === "skip" ? cause : causeKind(cause))
  }
}

/** Maximum number of causes listed at the end; the others are only counted. */
const maxCauses = 12

/** Maximum number of further names listed for a cause. */
const maxNames = 3

/** Maximum number of reasons listed for skips. */
const maxReasons = 6

const order: ReadonlyArray<Outcome> = ["pass", "fail", "inconclusive", "skip"]

const grouped = (ended: ReadonlyArray<Ended>): ReadonlyArray<readonly [Ended, ...ReadonlyArray<Ended>]> => {
  const groups = new Map<string, [Ended, ...Array<Ended>]>()
  for (const one of ended) {
    const key = `${one.outcome} ${one.kind}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()]
}

const totals = (ended: ReadonlyArray<Ended>): string =>
  order
    .map((outcome) => [outcome, ended.filter((one) => one.outcome === outcome).length] as const)
    .filter(([, n]) => n > 0)
    .map(([outcome, n]) => `${n} ${outcome}`)
    .join(", ")

/**
 * Returns the last lines of a session: the number of runs per outcome if there were several, the reasons for skips, and at the end each cause of a
 * failure or inconclusive run, with the number of other runs that share it. Empty after a single pass.
 *
 * @since 0.2.0
 * @category rendering
 */
export const renderSummary = (
  ended: ReadonlyArray<Ended>,
  {
    color,
    columns = 300,
    full
  }: { readonly color: boolean; readonly columns?: number | undefined; readonly full?: boolean | undefined }
): string => {
  const style = styled(color)
  const width = full === true ? Number.POSITIVE_INFINITY : columns
  const skips = grouped(ended.filter(({ outcome }) => outcome === "skip"))
  const wrong = grouped(
    [...ended]
      .filter(({ outcome }) => outcome === "fail" || outcome === "inconclusive")
      .sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))
  )
  const shown = full === true ? wrong : wrong.slice(0, maxCauses)
  const causes = shown.flatMap(([first, ...others]) => {
    const [word, colour] = badge[first.outcome]
    const [head = "", ...rest] = wrap(`${word} ${printable(first.name)}: ${printable(first.cause)}`, width, "    ", 4)
    const names = others.slice(0, maxNames).map(({ name }) => printable(name))
    const more = others.length > maxNames ? `, … ${others.length - maxNames} more` : ""
    return [
      `${style(word, "bold", colour)}${head.slice(word.length)}`,
      ...rest,
      ...(others.length === 0
        ? []
        : [cut(`  the same cause: ${others.length} more: ${names.join(", ")}${more}`, width)])
    ]
  })
  const lines = [
    ...(ended.length > 1 ? [style(totals(ended), "bold")] : []),
    ...(ended.length > 1
      ? skips
          .slice(0, maxReasons)
          .map(([first, ...others]) => cut(`  skip ${1 + others.length}: ${printable(first.cause)}`, width))
      : []),
    ...(skips.length > maxReasons && ended.length > 1
      ? [`  … ${skips.length - maxReasons} more reasons for skips`]
      : []),
    ...(wrong.length > shown.length ? [`… ${wrong.length - shown.length} more causes, above`] : []),
    ...causes
  ]
  return lines.map((line) => `${line}\n`).join("")
}
