// What a libFuzzer target says, in words of the report.

/** The figures of its last lines; absent ones are undefined. */
export const statistics = (text) => {
  const last = text.match(/cov: \d+ ft: \d+/g)?.at(-1)
  const [, edges, features] = /cov: (\d+) ft: (\d+)/.exec(last ?? "") ?? []
  const executions = /^stat::number_of_executed_units:\s*(\d+)/m.exec(text)?.[1]
  const number = (digits) => (digits === undefined ? undefined : Number(digits))
  return { executions: number(executions), edges: number(edges), features: number(features) }
}

/** How many lines of a sanitizer's report say enough. */
const wordsMost = 8

/** The finding in the output of a target that did not end well: the sanitizer's first lines, and the input that was kept. */
export const finding = (text) => {
  const lines = text.split("\n")
  const begin = lines.findIndex((line) => /ERROR: |runtime error: /.test(line))
  const own = lines.slice(begin === -1 ? Math.max(0, lines.length - wordsMost) : begin)
  const words = own.filter(
    (line) => line.trim() !== "" && !/ in (fuzzer::|__sanitizer_|main |__libc_start|_start)/.test(line)
  )
  const input = /Test unit written to (\S+)/.exec(text)?.[1]
  return { words: words.slice(0, wordsMost).join("\n"), input }
}

const percent = ({ covered, count }) => `${count === 0 ? "0" : ((100 * covered) / count).toFixed(0)}% of ${count}`

/** One line a target. */
export const row = ({ target, executions, edges, features, inputs, covered, found }) =>
  found !== undefined
    ? `FOUND ${target.name}: after ${executions ?? "?"} executions`
    : `ok    ${target.name}: ${executions} executions, ${edges} edges, ${features} features, ${inputs} inputs; lines ${percent(covered.lines)}, regions ${percent(covered.regions)}`
