/**
 * What schedulers print, made readable: repeated blocks are shown twice and counted.
 *
 * @since 0.1.0
 */

/** A block shorter than this is left as it is. */
const leastPeriod = 5
const leastTimes = 3
/** Inner loops first, then those around them. */
const mostPasses = 5
/** A verifier's loop body has a few dozen instructions; the search takes time with its square. */
const mostPeriod = 400

/** Lines are alike that differ in numbers only: registers, addresses, counters, times. */
const normalise = (line: string): string =>
  line
    .replace(/0x[0-9a-f]+/gi, "#")
    .replace(/\d+(\.\d+)?/g, "#")
    .replace(/\s+/g, " ")
    .trim()

/** `times` blocks of `period` lines each, from `start` on. */
interface Repeat {
  readonly start: number
  readonly period: number
  readonly times: number
}

/** The repeat that covers the most lines; of those that cover as many the one with the shortest block. */
const longestRepeat = (keys: ReadonlyArray<number>): Repeat | undefined => {
  let best: Repeat | undefined
  const most = Math.min(mostPeriod, Math.floor(keys.length / leastTimes))
  for (let period = leastPeriod; period <= most; period++) {
    let same = 0
    for (let i = period; i <= keys.length; i++) {
      if (i < keys.length && keys[i] === keys[i - period]) {
        same++
        continue
      }
      // `same` lines equal those one period before: with the first block they make so many whole ones.
      const times = Math.floor(same / period) + 1
      if (times >= leastTimes && (best === undefined || times * period > best.times * best.period)) {
        best = { start: i - same - period, period, times }
      }
      same = 0
    }
  }
  return best
}

/**
 * The lines with repeated blocks (5 lines or more, 3 times or more, alike but for numbers) collapsed to the first, a line that counts those left
 * out, and the last; up to 5 passes, for loops in loops.
 *
 * @since 0.1.0
 * @category rendering
 */
export const collapseLog = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let current = [...lines]
  for (let pass = 0; pass < mostPasses; pass++) {
    const numbers = new Map<string, number>()
    const keys = current.map((line) => {
      const key = normalise(line)
      const known = numbers.get(key)
      if (known !== undefined) return known
      numbers.set(key, numbers.size)
      return numbers.size - 1
    })
    const found = longestRepeat(keys)
    if (found === undefined) break
    const { period, start, times } = found
    const last = start + (times - 1) * period
    current = [
      ...current.slice(0, start + period),
      `… ${times - 2} more like the ${period} lines above, then the last:`,
      ...current.slice(last)
    ]
  }
  return current
}

/**
 * At most so many lines: the first and the last of them around one that counts the rest.
 *
 * @since 0.1.0
 * @category rendering
 */
export const boundLines = (lines: ReadonlyArray<string>, most: number): ReadonlyArray<string> => {
  if (lines.length <= most) return lines
  const head = Math.ceil(most / 2)
  const tail = most - head
  return [...lines.slice(0, head), `… ${lines.length - most} lines …`, ...lines.slice(lines.length - tail)]
}

/**
 * What the kernel's verifier said of a BPF program that it refused.
 *
 * @since 0.1.0
 * @category models
 */
export interface VerifierRefusal {
  readonly program: string
  /** The errno, in words. */
  readonly error: string
  /** Its log's last line before the statistics: what it objects to. */
  readonly objection: string
  /** `processed 106630 insns (limit 1000000) …`; undefined where the log has none. */
  readonly statistics: string | undefined
}

/**
 * The refusal in what libbpf prints when it loads a scheduler; undefined when there is none. The middle of a long log may be missing.
 *
 * @since 0.1.0
 * @category parsing
 */
export const verifierRefusal = (log: ReadonlyArray<string>): VerifierRefusal | undefined => {
  const end = log.findLastIndex((line) => line.includes("-- END PROG LOAD LOG --"))
  const begin = log.slice(0, Math.max(end, 0)).findLastIndex((line) => line.includes("-- BEGIN PROG LOAD LOG --"))
  if (begin < 0) return undefined
  const refused = log.findLast((line, at) => at < end && failedLoad.test(line))
  const [, program = "", error = ""] = failedLoad.exec(refused ?? "") ?? []
  if (program === "") return undefined
  const all = log.slice(begin + 1, end)
  // From 7.3 on an explanation with source lines follows what it objects to.
  const explained = all.findIndex((line) => line.startsWith("Verification failed: "))
  const said = all.filter(
    (line, at) => line.trim() !== "" && !line.startsWith("… ") && (explained < 0 || at < explained)
  )
  const isStatistics = (line: string) => /^processed \d+ insns /.test(line)
  const objection = said.findLast((line) => !isStatistics(line) && !/^(;|verification time |stack depth )/.test(line))
  return {
    program,
    error: error.trim(),
    objection: (objection ?? "it gives no reason").trim().replace(/\.$/, ""),
    statistics: all.findLast(isStatistics)
  }
}

/** libbpf's words, wherever a program's own logger puts them. */
const failedLoad = /prog '([^']+)': BPF program load failed: (.*)$/
