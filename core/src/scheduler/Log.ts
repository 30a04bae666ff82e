/**
 * Makes the output of schedulers readable: shows a repeated block twice and counts the others.
 *
 * @since 0.1.0
 */

/** Minimum length of a repeated block, in lines. */
const minPeriod = 5
const minTimes = 3
/** Inner loops are collapsed first, then those around them. */
const maxPasses = 5
/**
 * Maximum length of a repeated block, in lines. A loop body in the verifier's log has a few dozen instructions, and the search takes time
 * proportional to the square.
 */
const maxPeriod = 400

/** Normalises numbers, so that lines compare equal if they differ only in registers, addresses, counters or times. */
const normalise = (line: string): string =>
  line
    .replace(/0x[0-9a-f]+/gi, "#")
    .replace(/\d+(\.\d+)?/g, "#")
    .replace(/\s+/g, " ")
    .trim()

/** `times` blocks of `period` lines each, from line `start`. */
interface Repeat {
  readonly start: number
  readonly period: number
  readonly times: number
}

/** Returns the repeat that covers the most lines; among equals, the one with the shortest block. */
const longestRepeat = (keys: ReadonlyArray<number>): Repeat | undefined => {
  let best: Repeat | undefined
  const longest = Math.min(maxPeriod, Math.floor(keys.length / minTimes))
  for (let period = minPeriod; period <= longest; period++) {
    let same = 0
    for (let i = period; i <= keys.length; i++) {
      if (i < keys.length && keys[i] === keys[i - period]) {
        same++
        continue
      }
      // `same` lines equal those one period before, so together with the first block they make this many complete blocks.
      const times = Math.floor(same / period) + 1
      if (times >= minTimes && (best === undefined || times * period > best.times * best.period)) {
        best = { start: i - same - period, period, times }
      }
      same = 0
    }
  }
  return best
}

/**
 * Collapses repeated blocks (5 lines or more, 3 times or more, equal except for numbers) to the first block, a line that counts those left out, and
 * the last block. Makes up to 5 passes, for nested loops.
 *
 * @since 0.1.0
 * @category rendering
 */
export const collapseLog = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let current = [...lines]
  for (let pass = 0; pass < maxPasses; pass++) {
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
 * Limits the number of lines: returns the first and the last ones, with a line in between that counts the rest.
 *
 * @since 0.1.0
 * @category rendering
 */
export const boundLines = (lines: ReadonlyArray<string>, maxLines: number): ReadonlyArray<string> => {
  if (lines.length <= maxLines) return lines
  const head = Math.ceil(maxLines / 2)
  const tail = maxLines - head
  return [...lines.slice(0, head), `… ${lines.length - maxLines} lines …`, ...lines.slice(lines.length - tail)]
}

/**
 * The verifier's reason for rejecting a BPF program.
 *
 * @since 0.1.0
 * @category models
 */
export interface VerifierRefusal {
  readonly program: string
  /** The errno, in words. */
  readonly error: string
  /** The last line of its log before the statistics: the objection. */
  readonly objection: string
  /** `processed 106630 insns (limit 1000000) …`; undefined if the log has none. */
  readonly statistics: string | undefined
}

/**
 * Finds the verifier's rejection in libbpf's output; undefined if there is none. The middle of a long log may be missing.
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
  // Since 7.3, an explanation with source lines follows the objection.
  const explained = all.findIndex((line) => line.startsWith("Verification failed: "))
  const relevant = all.filter(
    (line, at) => line.trim() !== "" && !line.startsWith("… ") && (explained < 0 || at < explained)
  )
  const isStatistics = (line: string) => /^processed \d+ insns /.test(line)
  const objection = relevant.findLast(
    (line) => !isStatistics(line) && !/^(;|verification time |stack depth )/.test(line)
  )
  return {
    program,
    error: error.trim(),
    objection: (objection ?? "it gives no reason").trim().replace(/\.$/, ""),
    statistics: all.findLast(isStatistics)
  }
}

/** The message of libbpf, wherever a program's own logger puts it. */
const failedLoad = /prog '([^']+)': BPF program load failed: (.*)$/
