/**
 * Describes errors thrown by the user's code in one line.
 *
 * @since 0.2.0
 */

/** Stack frames in ktstr's own source tree, which do not help the author of the code. */
const ownFile = /[\\/](?:core|plugins[\\/][\w-]+|cli|native)[\\/](?:src|lib|dist)[\\/]/

const packageOf = (path: string): string | undefined =>
  /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1]

/** Packages that run other people's code. */
const runner =
  /^(?:@ktstr[\\/].*|ktstr|effect|@effect[\\/].*|vitest|@vitest[\\/].*|vite|vite-node|tinypool|esbuild|undici)$/

interface Place {
  readonly path: string
  readonly line: number
  readonly column: number
}

const frameOf = (line: string): Place | undefined => {
  const found = /^\s*at (.*):(\d+):(\d+)(\))?$/.exec(line)
  if (found === null) return undefined
  const [, words = "", row, column, closed] = found
  const address = closed === undefined ? words.replace(/^async /, "") : words.slice(words.indexOf(" (") + 2)
  let path = address
  if (address.startsWith("file://")) {
    try {
      path = decodeURIComponent(new URL(address).pathname)
    } catch {
      return undefined
    }
  }
  return path.startsWith("/") ? { path, line: Number(row), column: Number(column) } : undefined
}

type Sources = Map<string, (line: number, column: number) => string | undefined>

/** Shared by all copies of this package: a configuration file may load a different copy than the command does. */
const sources = (): Sources => {
  const key = Symbol.for("@ktstr/core/sources")
  const shared = globalThis as { [key]?: Sources }
  shared[key] ??= new Map()
  return shared[key]
}

/**
 * Maps positions in a bundle (an absolute path) to its sources. `sourceOf` returns `file:line:column`, or undefined if the position is unknown.
 *
 * @since 0.2.0
 * @category rendering
 */
export const describeSources = (bundle: string, sourceOf: (line: number, column: number) => string | undefined): void =>
  void sources().set(bundle, sourceOf)

/**
 * Returns where an error was thrown, as `file:line:column`: the first frame in the user's code, else the first in a package that is neither ktstr's
 * nor a runner of other people's code. Undefined if there is no such frame.
 *
 * @since 0.2.0
 * @category rendering
 */
export const faultPlace = (thrown: unknown): string | undefined => {
  if (!(thrown instanceof Error) || typeof thrown.stack !== "string") return undefined
  let inPackage: string | undefined
  for (const line of thrown.stack.split("\n")) {
    const place = frameOf(line)
    if (place === undefined) continue
    const sourceOf = sources().get(place.path)
    const text =
      sourceOf === undefined ? `${place.path}:${place.line}:${place.column}` : sourceOf(place.line, place.column)
    if (text === undefined) continue
    const name = packageOf(text)
    if (name !== undefined) {
      if (!runner.test(name)) inPackage ??= text
    } else if (!ownFile.test(text)) return text
  }
  return inPackage
}

/**
 * Returns the kind of an error and its message in one line. Accepts any thrown value.
 *
 * @since 0.2.0
 * @category rendering
 */
export const faultText = (thrown: unknown): string => {
  const isError = typeof thrown === "object" && thrown !== null && "message" in thrown
  let text: string
  try {
    text = isError ? String(thrown.message) : `threw ${typeof thrown === "string" ? `'${thrown}'` : String(thrown)}`
  } catch {
    text = "threw something that has no text"
  }
  const line = text.trim().split(/\s*\n\s*/, 1)[0] || "an error without a message"
  if (!(thrown instanceof Error)) return line
  const kind = /^(Error|.*[a-z]Error)$/.test(thrown.name) && thrown.name !== "Error" && !("_tag" in thrown)
  return `${kind ? `${thrown.name}: ` : ""}${line}`
}

/**
 * Returns {@link faultText}, followed by {@link faultPlace} in brackets if it is known and the text does not contain it already.
 *
 * @since 0.2.0
 * @category rendering
 */
export const describeFault = (thrown: unknown): string => {
  const text = faultText(thrown)
  const place = faultPlace(thrown)
  return place === undefined || text.includes(place) ? text : `${text} (${place})`
}
