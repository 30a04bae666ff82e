import { Either } from "effect"
import { parseValue } from "./jsonValue.ts"

/** So many characters of the place where a document is broken are quoted. */
const quoted = 40

interface Problem {
  readonly at: number
  readonly why: string
}

/** Tells where problems are, as an editor counts, and what stands there; each at or behind the one before, so that all of them cost one pass. */
const makePlaces = (text: string) => {
  let line = 1
  let begin = 0
  return ({ at, why }: Problem): string => {
    for (let next = text.indexOf("\n", begin); next !== -1 && next < at; next = text.indexOf("\n", begin)) {
      line++
      begin = next + 1
    }
    const rest = text.slice(at, at + quoted + 1).split(/\r?\n/, 1)[0] ?? ""
    const excerpt = rest.length > quoted ? `${rest.slice(0, quoted)}…` : rest
    const place = `line ${line}, column ${at - begin + 1}${excerpt === "" ? "" : `: ${JSON.stringify(excerpt)}`}`
    return `is no JSON (${why} at ${place})`
  }
}

const isRecord = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0

/** What no line of a log looks like by chance: `[1/2]` and `{}` do. */
const isStructured = (value: unknown): boolean => isRecord(value) || (Array.isArray(value) && value.some(isRecord))

const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf("\n", at)
  return end === -1 ? text.length : end
}

/** Whether the brackets that open in a stretch of text close in it; those in strings count, too. */
const closes = (line: string): boolean => (line.match(/[[{]/g) ?? []).length <= (line.match(/[\]}]/g) ?? []).length

/**
 * A document of an output, or why and where one that begins like JSON is none; goes on from "its output".
 */
export type OutputDocument =
  | { readonly _tag: "Document"; readonly value: unknown }
  | { readonly _tag: "Broken"; readonly why: string }

interface Found {
  readonly documents: ReadonlyArray<OutputDocument>
  /** The first place that looked like a document to nobody but its bracket. */
  readonly odd: Problem | undefined
}

/**
 * What breaks without having begun like JSON is a line of a log, such as `[INFO] starting`. Behind a broken document that goes over several lines the
 * next begins at the margin, as what is inside of it seldom does.
 */
const scan = (text: string): Found => {
  const documents: Array<OutputDocument> = []
  let odd: Problem | undefined
  /** Brackets that are known to break as the one around them did. */
  let known: ReadonlySet<number> = new Set()
  const placeOf = makePlaces(text)
  const after = (expression: RegExp, from: number): number | undefined => {
    expression.lastIndex = from
    let found = expression.exec(text)?.index
    while (found !== undefined && known.has(found)) found = expression.exec(text)?.index
    return found
  }
  let end = -1
  let begin = after(/[[{]/g, 0)
  while (begin !== undefined) {
    if (begin > end) end = lineEnd(text, begin)
    const parsed = parseValue(text, begin)
    if (parsed._tag === "Value") {
      documents.push({ _tag: "Document", value: parsed.value })
      begin = after(/[[{]/g, parsed.end)
    } else if (parsed.begun || parsed.at > end) {
      documents.push({ _tag: "Broken", why: placeOf(parsed) })
      const ofOneLine = parsed.at <= end && closes(text.slice(begin, end))
      begin = ofOneLine ? after(/[[{]/g, end) : after(/^[[{]/gm, parsed.at)
    } else {
      odd ??= parsed
      known = new Set(parsed.open)
      begin = after(/[[{]/g, begin + 1)
    }
  }
  return { documents, odd }
}

/**
 * The JSON documents of a program's output in their order: the whole text, or those that stand among lines of a log or in them. Lists of numbers
 * and empty documents, as logs have them (`[1]`, `{}`), count only where nothing else is there. At least one document or broken one, or why
 * there is none and at which place.
 */
export const parseDocuments = (raw: string): Either.Either<ReadonlyArray<OutputDocument>, string> => {
  const text = raw.replace(/^\uFEFF/, "")
  const start = text.search(/\S/)
  if (start === -1) return Either.left("is empty")
  const whole = parseValue(text, start)
  if (whole._tag === "Value" && text.slice(whole.end).trim() === "") {
    return Either.right([{ _tag: "Document", value: whole.value }])
  }
  const { documents, odd } = scan(text)
  const structured = documents.filter((found) => found._tag === "Broken" || isStructured(found.value))
  if (structured.some(({ _tag }) => _tag === "Document")) return Either.right(structured)
  if (documents.length > 0) return Either.right(documents)
  return Either.left(odd === undefined ? "is no JSON" : makePlaces(text)(odd))
}
