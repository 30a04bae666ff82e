import { Either } from "effect"

const parse = (text: string): Either.Either<unknown, string> => {
  try {
    return Either.right(JSON.parse(text))
  } catch (error) {
    return Either.left(error instanceof Error ? error.message : String(error))
  }
}

/** Without the quoted input that some versions of V8 add: it may span lines. */
const reason = (message: string): string =>
  message
    .replace(/\s+/g, " ")
    .replace(/,? ?(\.\.\.)?".*$/, "")
    .slice(0, 120)

/**
 * The JSON document of a program's output: all of it, or what stands between the first line that begins with a bracket and the
 * last that ends with one.
 */
export const parseDocument = (text: string): Either.Either<unknown, string> => {
  const whole = parse(text)
  if (Either.isRight(whole)) return whole
  const begin = /^[ \t]*[[{]/m.exec(text)
  const end = Math.max(text.lastIndexOf("}"), text.lastIndexOf("]"))
  if (begin === null || end < begin.index) return Either.left("is no JSON")
  return Either.mapLeft(parse(text.slice(begin.index, end + 1)), (message) => `is no JSON (${reason(message)})`)
}
