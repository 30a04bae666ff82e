/** A JSON value at a place in a text and its end, or where and why it is not JSON. */
export type Parsed =
  | { readonly _tag: "Value"; readonly value: unknown; readonly end: number }
  /** `begun`: enough of it is JSON (a key with its colon, or an opened record at the end of the text) to call it a broken document rather than a log line. */
  /** `open`: where the lists and records begin that are still open at `at`; all of them are broken there. */
  | {
      readonly _tag: "Broken"
      readonly at: number
      readonly why: string
      readonly begun: boolean
      readonly open: ReadonlyArray<number>
    }

/** Deeper documents are refused: the parser is recursive, and metrics are never nested that deep. */
const depthLimit = 256

class Broken {
  readonly at: number
  readonly why: string
  constructor(at: number, why: string) {
    this.at = at
    this.why = why
  }
}

const space = /[ \t\r\n]*/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// As printf writes infinities and NaN, which JSON lacks but programs print.
const noNumber = /[+-]?(?:nan|inf(?:inity)?)\b/iy
const word = /true\b|false\b|null\b/y
// Whether its escapes are right is left to JSON.parse.
const string = /"[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*"/y

const unended = /"[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*\\?$/y

const matchAt = (expression: RegExp, text: string, at: number): string | undefined => {
  expression.lastIndex = at
  return expression.exec(text)?.[0]
}

const noNumberOf = (written: string): number =>
  /nan/i.test(written) ? Number.NaN : written.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY

const words: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

/**
 * Parses the value that begins at `start`, which is not white space. Beyond RFC 8259 it accepts NaN and infinities, which programs print
 * anyway. The last of repeated keys counts, as in `JSON.parse`.
 */
export const parseValue = (text: string, start: number): Parsed => {
  let at = start
  let begun = false
  let records = false
  const open: Array<number> = []
  const skip = (): void => {
    at += matchAt(space, text, at)?.length ?? 0
  }
  const fail = (expected: string): never => {
    throw new Broken(at, at >= text.length ? `it ends where ${expected} should be` : `expected ${expected}`)
  }
  const take = (char: string, expected: string): void => {
    if (text[at] !== char) fail(expected)
    at++
  }
  const quoted = (expected: string): string => {
    const written = matchAt(string, text, at)
    if (written === undefined) {
      // The text ends inside it.
      const cut = matchAt(unended, text, at)
      if (cut === undefined) return fail(expected)
      at = text.length
      return fail("the end of a string")
    }
    try {
      const read: string = JSON.parse(written)
      at += written.length
      return read
    } catch {
      return fail(`${expected} without control characters or unknown escapes`)
    }
  }
  const scalar = (): unknown => {
    if (text[at] === '"') return quoted("a string")
    const known = matchAt(word, text, at)
    if (known !== undefined) {
      at += known.length
      return words[known]
    }
    const odd = matchAt(noNumber, text, at)
    if (odd !== undefined) {
      at += odd.length
      return noNumberOf(odd)
    }
    const digits = matchAt(number, text, at)
    if (digits === undefined || digits === "") return fail("a value")
    at += digits.length
    return Number(digits)
  }
  const list = (depth: number): ReadonlyArray<unknown> => {
    const items: Array<unknown> = []
    open.push(at++)
    skip()
    while (text[at] !== "]") {
      if (items.length > 0) {
        take(",", "',' or ']'")
        skip()
      }
      items.push(value(depth + 1))
      skip()
    }
    at++
    open.pop()
    return items
  }
  const record = (depth: number): Readonly<Record<string, unknown>> => {
    const fields = new Map<string, unknown>()
    let first = true
    records = true
    open.push(at++)
    skip()
    while (text[at] !== "}") {
      if (!first) {
        take(",", "',' or '}'")
        skip()
      }
      first = false
      const key = quoted("a key in quotes")
      skip()
      take(":", "':'")
      begun = true
      skip()
      fields.set(key, value(depth + 1))
      skip()
    }
    at++
    open.pop()
    return Object.fromEntries(fields)
  }
  const value = (depth: number): unknown => {
    if (depth > depthLimit) {
      begun = true
      throw new Broken(at, `more than ${depthLimit} levels deep`)
    }
    if (text[at] === "{") return record(depth)
    return text[at] === "[" ? list(depth) : scalar()
  }
  try {
    return { _tag: "Value", value: value(0), end: at }
  } catch (error) {
    if (error instanceof Broken)
      return {
        _tag: "Broken",
        at: error.at,
        why: error.why,
        begun: begun || (records && error.at >= text.length),
        open
      }
    throw error
  }
}
