import { Either } from "effect"
import { parseValue } from "./jsonValue.ts"

/** So many characters of the place where a document is broken are quoted. */
const quoted = 40

interface Problem {
  readonly at: number
  readonly why: string
}

/** Where a problem is, as an editor counts, and what stands there. */
const placeOf = (text: string, { at, why }: Problem): string => {
  const before = text.slice(0, at)
  const line = before.split("\n").length
  const column = at - before.lastIndexOf("\n")
  const rest = text.slice(at).split(/\r?\n/, 1)[0] ?? ""
  const excerpt = rest.length > quoted ? `${rest.slice(0, quoted)}…` : rest
  return `${why} at line ${line}, column ${column}${excerpt === "" ? "" : `: ${JSON.stringify(excerpt)}`}`
}

const isStructured = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  !(Array.isArray(value) && value.every((item) => typeof item !== "object"))

const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf("\n", at)
  return end === -1 ? text.length : end
}

interface Found {
  readonly documents: ReadonlyArray<unknown>
  readonly problem: Problem | undefined
}

/**
 * Documents whose first bracket `opening` finds. What breaks without having begun like JSON is a line of a log, such as `[INFO] starting`; behind
 * a broken document the next begins at the margin.
 */
const scan = (text: string, opening: RegExp): Found => {
  const documents: Array<unknown> = []
  let broken: Problem | undefined
  let odd: Problem | undefined
  const after = (expression: RegExp, from: number): number | undefined => {
    expression.lastIndex = from
    const match = expression.exec(text)
    return match === null ? undefined : match.index + match[0].length - 1
  }
  let begin = after(opening, 0)
  while (begin !== undefined) {
    const parsed = parseValue(text, begin)
    if (parsed._tag === "Value") {
      documents.push(parsed.value)
      // Another may follow on the same line.
      begin = after(/[ \t,;]*[[{]/y, parsed.end) ?? after(opening, parsed.end)
    } else if (parsed.begun || parsed.at > lineEnd(text, begin)) {
      broken = parsed
      begin = after(/^[[{]/gm, lineEnd(text, parsed.at))
    } else {
      odd ??= parsed
      begin = after(opening, begin + 1)
    }
  }
  return { documents, problem: broken ?? odd }
}

/** Whether a value is what the caller looks for. */
export type Wanted = (value: unknown) => boolean

/**
 * The JSON documents of a program's output in their order: the whole text, or those that begin a line among lines of a log, or else those that
 * stand anywhere in a line. Bare lists of scalars, as logs have them (`[1]`), count only where nothing else is there. At least one, or
 * why there is none and at which place.
 */
export const parseDocuments = (
  raw: string,
  wanted: Wanted = () => true
): Either.Either<ReadonlyArray<unknown>, string> => {
  const text = raw.replace(/^\uFEFF/, "")
  const start = text.search(/\S/)
  if (start === -1) return Either.left("is empty")
  const whole = parseValue(text, start)
  if (whole._tag === "Value" && text.slice(whole.end).trim() === "") {
    return Either.right([whole.value])
  }
  const atLines = scan(text, /^[ \t]*[[{]/gm)
  const found = atLines.documents.some(isStructured) ? atLines : scan(text, /[[{]/g)
  const structured = found.documents.filter(isStructured)
  const documents = structured.length > 0 ? structured : atLines.documents
  const suitable = documents.filter(wanted)
  if (suitable.length > 0) return Either.right(suitable)
  if (documents.length > 0) return Either.right(documents)
  const problem = atLines.problem ?? found.problem
  return Either.left(problem === undefined ? "is no JSON" : `is no JSON (${placeOf(text, problem)})`)
}
