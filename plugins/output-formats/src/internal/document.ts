import { Either } from "effect"
import { parseValue } from "./jsonValue.ts"

/** Number of characters quoted from the place where a document is broken. */
const quoted = 40

interface Problem {
  readonly at: number
  readonly why: string
}

/** Returns line and column of problems and the text there. Each problem is at or after the one before, so that all of them cost one pass. */
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

/** Whether a value can't be part of a log line by chance, as `[1/2]` and `{}` can. */
const isStructured = (value: unknown): boolean => isRecord(value) || (Array.isArray(value) && value.some(isRecord))

const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf("\n", at)
  return end === -1 ? text.length : end
}

/** Returns whether the brackets that open in a piece of text close in it, including those in strings. */
const closes = (line: string): boolean => (line.match(/[[{]/g) ?? []).length <= (line.match(/[\]}]/g) ?? []).length

/**
 * A document of an output, or why and where text that begins like JSON is not JSON. The message continues "its output".
 */
export type OutputDocument =
  | { readonly _tag: "Document"; readonly value: unknown }
  | { readonly _tag: "Broken"; readonly why: string }

interface Found {
  readonly documents: ReadonlyArray<OutputDocument>
  /** The first place where only a bracket looked like a document. */
  readonly odd: Problem | undefined
}

/**
 * Text that breaks before it looks like JSON is a log line, such as `[INFO] starting`. After a broken document of several lines the
 * next document begins at the margin, where its inner parts rarely begin.
 */
const scan = (text: string): Found => {
  const documents: Array<OutputDocument> = []
  let odd: Problem | undefined
  /** Brackets known to break as the enclosing one did. */
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
 * Returns the JSON documents of a program's output in order: the whole text, or documents between log lines or inside them. Lists of numbers
 * and empty documents, which logs contain (`[1]`, `{}`), count only if there is nothing else. Returns at least one document, whole or broken, or why
 * there is none and where.
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
