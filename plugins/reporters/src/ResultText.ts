/**
 * Formats results as text for people.
 *
 * @since 0.1.0
 */

import type { RunResult } from "@ktstr/core"
import { negligibleShare } from "@ktstr/core/check"
import { causeKind, runName } from "@ktstr/core/run"
import { badge } from "./Badge.ts"
import { duration, renderPayloads, renderStats } from "./ResultTables.ts"
import { cut, printable, rowsOf, wrap } from "./ScreenText.ts"
import { styled } from "./Table.ts"

const describeClock: Readonly<Record<RunResult["clock"], string>> = {
  kvm: "kvm clock",
  "qemu-kvm": "qemu-kvm clock",
  emulated: "emulated clock",
  deterministic: "deterministic clock, virtual time",
  host: "host clock"
}

/** Describes the scheduler: `scx_mine (llc+steal) attached in 312 ms`. */
const schedulerOf = ({ scheduler, schedulerReport }: RunResult): string => {
  if (schedulerReport === null) return scheduler
  const { attachMs, profile } = schedulerReport
  const name = profile === "default" ? scheduler : `${scheduler} (${profile})`
  return attachMs === null ? name : `${name} attached in ${Math.round(attachMs)} ms`
}

const setting = (result: RunResult): string => {
  const release = result.kernel.release || result.kernel.image
  return printable(
    [
      `on ${result.topology.requested}`,
      ...(release === "" ? [] : [`kernel ${release}`]),
      ...(result.scheduler === "" ? [] : [schedulerOf(result)]),
      describeClock[result.clock],
      `${(result.timings.totalMs / 1000).toFixed(1)} s`
    ].join(" · ")
  )
}

/** Returns the figures with which another deterministic run can be compared. */
const determinismOf = ({ determinism }: RunResult): ReadonlyArray<string> =>
  determinism === null
    ? []
    : [
        `seed ${determinism.seed} · events ${determinism.eventHash.slice(0, 16)} · schedule ${determinism.scheduleHash?.slice(0, 16) ?? "unknown"}`
      ]

/** Reports the host's delay if it was more than negligible. */
const hostDelayOf = ({ hostDelayMs, hostDelayShare }: RunResult): ReadonlyArray<string> =>
  hostDelayMs === null || hostDelayShare === null || hostDelayShare <= negligibleShare
    ? []
    : [
        `the host kept the machine waiting for ${duration(hostDelayMs * 1e6)}, ${Math.round(100 * hostDelayShare)}% of the run`
      ]

const diagnosticsOf = ({ diagnostics }: RunResult): ReadonlyArray<string> =>
  diagnostics === null
    ? []
    : [`stage: ${diagnostics.stage}`, ...(diagnostics.exit === "" ? [] : `machine: ${diagnostics.exit}`.split("\n"))]

/** Maximum number of rows of a failure on a screen, without `full`. */
const screenRows = 40

/** Maximum number of rows of each part; the run's folder has the rest. */
const rowLimits = {
  cause: 4,
  where: 2,
  details: 8,
  cgroups: 6,
  payloads: 7,
  warnings: 2,
  log: 6,
  console: 6
} as const

/** Maximum line length in characters if there is no terminal. */
const maxLineLength = 300

/** A part of a report: all its lines if they fit, else the first or last ones and the number of lines left out. */
interface Part {
  readonly title?: string
  readonly lines: ReadonlyArray<string>
  /** Maximum number of rows, including the title and the count of lines left out. */
  readonly maxRows: number
  /** Which lines to keep if not all fit. */
  readonly keep: "first" | "last"
}

const fitted = ({ keep, lines, maxRows, title }: Part, room: number): ReadonlyArray<string> => {
  const rows = Math.min(maxRows, room)
  const head = title === undefined ? [] : [title]
  if (lines.length === 0 || rows < head.length + 1) return []
  if (lines.length + head.length <= rows) return [...head, ...lines]
  const kept = rows - head.length - 1
  if (kept < 1) return []
  const more = `  … ${lines.length - kept} more`
  return keep === "first"
    ? [...head, ...lines.slice(0, kept), more]
    : [...head, `${more} before`, ...lines.slice(lines.length - kept)]
}

/** Returns a line without the kernel's timestamp. */
const bare = (line: string): string => line.replace(/^(<\d+>)?\[ *\d+\.\d+\](\[[^\]]*\])? ?/, "").trim()

/** Returns the lines that were not shown before. */
const notYetShown = (lines: ReadonlyArray<string>, shown: ReadonlyArray<string>): ReadonlyArray<string> => {
  const before = new Set(shown.map(bare))
  const prose = shown.join("\n")
  return lines.filter((line) => {
    const text = bare(line)
    if (text === "" || before.has(text) || (text.length > 12 && prose.includes(text))) return false
    before.add(text)
    return true
  })
}

/** Joins details that differ only in numbers into one line with their count. */
const grouped = (details: ReadonlyArray<string>): ReadonlyArray<string> => {
  const groups = new Map<string, { readonly first: string; count: number }>()
  for (const detail of details) {
    const kind = causeKind(detail)
    const group = groups.get(kind)
    if (group === undefined) groups.set(kind, { first: detail, count: 1 })
    else group.count++
  }
  return [...groups.values()].map(({ count, first }) =>
    count === 1 ? first : `${first} (and ${count - 1} more like it)`
  )
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ResultTextOptions {
  readonly color: boolean
  /** Also print the result's warnings. */
  readonly warnings?: boolean
  /** Width of the terminal; undefined: there is none, and lines are cut at 300 characters. */
  readonly columns?: number | undefined
  /** Where the run was requested, as `file:line:column`. */
  readonly at?: string | undefined
  /** Print everything. Default: at most 40 rows of a failure. */
  readonly full?: boolean | undefined
}

/** Returns the headline `FAIL steady`, coloured. */
const headline = (result: RunResult, color: boolean): string => {
  const style = styled(color)
  const [word, colour] = badge[result.outcome]
  return `${style(word, "bold", colour)} ${style(printable(runName(result)), "bold")}`
}

const plainHeadline = (result: RunResult): string => `${badge[result.outcome][0]} ${printable(runName(result))}`

/** Wraps text after a headline, whose colours do not count towards the width. */
const behind = (
  result: RunResult,
  color: boolean,
  text: string,
  width: number,
  rows: number
): ReadonlyArray<string> => {
  const plain = plainHeadline(result)
  const [first = "", ...rest] = wrap(`${plain}${text}`, width, "    ", rows)
  // A name that is wider than the terminal is printed without colours.
  return first.startsWith(plain) ? [headline(result, color) + first.slice(plain.length), ...rest] : [first, ...rest]
}

/**
 * Returns the verdict and its cause in one line, cut to four rows: the last output of a session.
 *
 * @since 0.2.0
 * @category rendering
 */
export const renderVerdict = (result: RunResult, { color, columns, full }: ResultTextOptions): string => {
  const [first] = grouped(result.details)
  const width = full === true ? Number.POSITIVE_INFINITY : (columns ?? maxLineLength)
  const text = first === undefined ? ` ${setting(result)}` : `: ${printable(first)}`
  return `${behind(result, color, text, width, rowLimits.cause).join("\n")}\n`
}

/** Returns the lines that name the folder of a failure and the command that repeats it. */
const nextOf = (result: RunResult, { at }: ResultTextOptions): ReadonlyArray<string> => [
  ...(at === undefined ? [] : [`  at ${printable(at)}`]),
  ...(result.savedIn === null ? [] : [`  saved in ${printable(result.savedIn)}`]),
  ...(result.rerun === null ? [] : [`  run it again: ${result.rerun.command}`])
]

const fullText = (result: RunResult, options: ResultTextOptions): ReadonlyArray<string> => {
  const { color, warnings } = options
  const style = styled(color)
  const [first, ...others] = result.details.map(printable)
  const where = style(setting(result), "dim")
  const { dump = [], log = [] } = result.schedulerReport ?? {}
  const diagnostics = diagnosticsOf(result)
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [] : [`--- ${title} ---`, ...lines.map(printable)]
  return [
    ...(first === undefined
      ? [`${headline(result, color)} ${where}`]
      : [`${headline(result, color)}: ${first}`, ...others.map((line) => `  ${line}`), `  ${where}`]),
    ...renderStats(result.cgroups).map((line, row) => `  ${row === 0 ? style(line, "dim") : line}`),
    ...[...hostDelayOf(result), ...determinismOf(result)].map((line) => `  ${style(line, "dim")}`),
    ...renderPayloads(result.payloads).map((line) => `  ${printable(line)}`),
    ...(warnings === true ? result.warnings.map((line) => `  ${style("warning:", "yellow")} ${printable(line)}`) : []),
    ...section("scheduler log", notYetShown(log, dump)),
    ...(diagnostics.length === 0
      ? []
      : section("diagnostics", [
          ...diagnostics,
          ...consoleOf(notYetShown(result.diagnostics?.consoleTail ?? [], [...dump, ...log]))
        ])),
    ...section("sched_ext dump", dump),
    ...nextOf(result, options)
  ]
}

const consoleOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["console:", ...lines.map((line) => `  ${line}`)]

const screenText = (result: RunResult, options: ResultTextOptions): ReadonlyArray<string> => {
  const { color, warnings } = options
  const style = styled(color)
  const columns = options.columns ?? Number.POSITIVE_INFINITY
  const width = Math.min(columns, maxLineLength)
  const fit = (line: string) => cut(printable(line), width)
  const [first = "", ...others] = grouped(result.details)
  const cause = behind(
    result,
    color,
    `: ${printable(first)}`,
    options.columns === undefined ? 4 * maxLineLength : width,
    rowLimits.cause
  )
  const where = wrap(`  ${setting(result)}`, width, "    ", rowLimits.where).map((line) => style(line, "dim"))
  const next = nextOf(result, options)
  const { dump = [], log = [] } = result.schedulerReport ?? {}
  const { diagnostics } = result
  const payloadsLast = [...result.payloads].sort((a, b) => Number(a.outcome === "pass") - Number(b.outcome === "pass"))
  const logLines = notYetShown(log, [...result.details, ...dump])
  const [titles, ...cgroups] = renderStats(result.cgroups).map((line) => fit(`  ${line}`))
  const parts: Readonly<Record<string, Part>> = {
    details: {
      lines: others.flatMap((line) => wrap(`  ${printable(line)}`, width, "    ", 2)),
      maxRows: rowLimits.details + 1,
      keep: "first"
    },
    stats: {
      ...(titles === undefined ? {} : { title: style(titles, "dim") }),
      lines: cgroups,
      maxRows: rowLimits.cgroups + 2,
      keep: "first"
    },
    determinism: {
      lines: [...hostDelayOf(result), ...determinismOf(result)].map((line) => style(fit(`  ${line}`), "dim")),
      maxRows: 2,
      keep: "first"
    },
    payloads: {
      lines: renderPayloads(payloadsLast).map((line) => fit(`  ${line}`)),
      maxRows: rowLimits.payloads,
      keep: "first"
    },
    warnings: {
      lines:
        warnings === true ? notYetShown(result.warnings, result.details).map((line) => fit(`  warning: ${line}`)) : [],
      maxRows: rowLimits.warnings + 1,
      keep: "first"
    },
    log: {
      title: "  --- scheduler log ---",
      lines: logLines.map((line) => fit(`  ${line}`)),
      maxRows: rowLimits.log + 1,
      keep: "last"
    },
    console: {
      title: fit(
        diagnostics === null
          ? ""
          : `  --- ${["console", diagnostics.stage, ...notYetShown([diagnostics.exit.split("\n", 1)[0] ?? ""], result.details)].join(" · ")} ---`
      ),
      lines: notYetShown(diagnostics?.consoleTail ?? [], [...result.details, ...log, ...dump]).map((line) =>
        fit(`  ${line}`)
      ),
      maxRows: rowLimits.console + 1,
      keep: "last"
    }
  }
  const taken = [...cause, ...where, ...next].reduce((rows, line) => rows + rowsOf(line, columns), 0)
  let room = screenRows - taken
  const shown: Record<string, ReadonlyArray<string>> = {}
  for (const name of ["details", "payloads", "stats", "log", "console", "determinism", "warnings"]) {
    shown[name] = fitted(parts[name]!, room)
    room -= shown[name].length
  }
  const inOrder = ["details", "where", "stats", "determinism", "payloads", "warnings", "log", "console"]
  return [...cause, ...inOrder.flatMap((name) => (name === "where" ? where : (shown[name] ?? []))), ...next]
}

/**
 * Formats a result as text. A failure begins with the verdict and its cause, and ends with the folder of its complete output and the command that
 * repeats it. Between them are details, numbers and the ends of logs. A failure has at most 40 rows unless `full`. Nothing is shown twice. Control
 * characters from the guest are escaped. The text ends with a newline.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderResult = (result: RunResult, options: ResultTextOptions): string => {
  const went = result.outcome === "fail" || result.outcome === "inconclusive"
  const lines = went && options.full !== true ? screenText(result, options) : fullText(result, options)
  return `${lines.join("\n")}\n`
}
