/**
 * Reads JSON from outside, such as a server's response or a cache file, and describes what is wrong with it.
 *
 * @since 0.2.0
 */
import { Either, ParseResult, Schema } from "effect"

/** Maximum number of characters of unexpected text in a message. */
const quotedLength = 40

/**
 * Describes a text for a message: `an HTML page`, `an empty answer`, or how the text begins.
 *
 * @since 0.2.0
 * @category rendering
 */
export const describeText = (text: string): string => {
  const body = text.replace(/^\uFEFF/, "").trimStart()
  if (body === "") return "an empty answer"
  if (/^(?:<!--[\s\S]*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body)\b/i.test(body)) return "an HTML page"
  const line = body.split("\n", 1)[0] ?? ""
  return `it begins with ${JSON.stringify(line.length > quotedLength ? `${line.slice(0, quotedLength)}…` : line.trimEnd())}`
}

/**
 * Parses JSON. Left: one line, such as `not JSON: an HTML page`.
 *
 * @since 0.2.0
 * @category parsing
 */
export const parseOutsideJson = (text: string): Either.Either<unknown, string> =>
  Either.try({
    try: () => JSON.parse(text.replace(/^\uFEFF/, "")) as unknown,
    catch: () => {
      const looks = describeText(text)
      const ends = /^[[{]/.test(text.trimStart()) && !/[\]}]$/.test(text.trimEnd())
      return ends ? `not JSON: it is cut short after ${text.length} characters` : `not JSON: ${looks}`
    }
  })

/** Formats a path as in JavaScript: `releases[3].version`. */
const placeOf = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "")

const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object") return "an object"
  const text = JSON.stringify(value) ?? String(value)
  return text.length > quotedLength ? `${text.slice(0, quotedLength)}…` : text
}

const valueAt = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value
  )

/**
 * Decodes a parsed value. Left: one line that names the first missing or invalid field, such as `its field 'image.sha256' is missing` or `its field
 * 'size' can't be 3`.
 *
 * @since 0.2.0
 * @category parsing
 */
export const decodeOutside = <A, I>(schema: Schema.Schema<A, I>, value: unknown): Either.Either<A, string> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(value), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const place = placeOf(issue?.path ?? [])
    if (place === "") return `it can't be ${kindOf(value)}`
    if (issue?._tag === "Missing") return `its field '${place}' is missing`
    return `its field '${place}' can't be ${kindOf(valueAt(value, issue?.path ?? []))}`
  })

/**
 * Parses a text with {@link parseOutsideJson}, then decodes it with {@link decodeOutside}.
 *
 * @since 0.2.0
 * @category parsing
 */
export const decodeOutsideJson = <A, I>(schema: Schema.Schema<A, I>, text: string): Either.Either<A, string> =>
  Either.flatMap(parseOutsideJson(text), (value) => decodeOutside(schema, value))
