/**
 * Makes text of guests and other sources safe for a terminal.
 *
 * @since 0.2.0
 */

const escape = String.fromCharCode(0x1b)
const bell = String.fromCharCode(0x07)

/** Control sequences (colours, cursor movement) and control strings (titles, clipboards) with their ends (ECMA-48). */
const sequences = new RegExp(
  `${escape}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^${escape}${bell}]*(?:${bell}|${escape}\\\\))`,
  "g"
)

/** Control characters, and marks that reorder the text after them. */
const unseen = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const visible = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/**
 * Returns one line without commands for a terminal: colours are removed, a tab becomes a blank, other control characters are shown as
 * `\x1b`.
 *
 * @since 0.2.0
 * @category formatting
 */
export const printable = (text: string): string =>
  text.replace(sequences, "").replaceAll("\t", " ").replace(unseen, visible)

/**
 * Cuts a text to `width` characters, the last of them `…`.
 *
 * @since 0.2.0
 * @category formatting
 */
export const cut = (text: string, width: number): string => {
  if (text.length <= width) return text
  const characters = [...text]
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`
}

/**
 * Wraps a text into lines of at most `width` characters, at blanks if possible. All lines but the first begin with `indent`. At most `most`
 * lines; the last is cut.
 *
 * @since 0.2.0
 * @category formatting
 */
export const wrap = (text: string, width: number, indent: string, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let rest = text
  while (rest.length > width && lines.length < most - 1) {
    const start = lines.length === 0 ? 0 : indent.length
    const blank = rest.lastIndexOf(" ", width)
    const end = blank > start + width / 3 ? blank : width
    lines.push(rest.slice(0, end).trimEnd())
    rest = indent + rest.slice(end).trimStart()
  }
  return [...lines, cut(rest, width)]
}

/**
 * Returns the number of terminal rows that a line takes.
 *
 * @since 0.2.0
 * @category formatting
 */
export const rowsOf = (line: string, columns: number): number =>
  Number.isFinite(columns) ? Math.max(1, Math.ceil([...line].length / columns)) : 1
