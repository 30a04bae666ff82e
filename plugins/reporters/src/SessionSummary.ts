/**
 * What many runs came to, as the last lines of a session.
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
  /** Why, the most important line; empty on a pass. */
  readonly cause: string
  /** The same for runs that ended for one reason. */
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

/** Causes that are named at the end; the others are counted. */
const maxCauses = 12

/** Names beside the first of a cause. */
const maxNames = 3

/** Reasons of skips. */
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
 * The last lines of a session: the counts of outcomes where there were several runs, why some were skipped, and at the very end each cause of
 * a failure or an inconclusive run, once, with how many more have it. Empty after a single pass.
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
