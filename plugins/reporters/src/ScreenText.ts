/**
 * Text of guests and of others on the terminal of a user.
 *
 * @since 0.2.0
 */

const escape = String.fromCharCode(0x1b)
const bell = String.fromCharCode(0x07)

/** What ECMA-48 calls control sequences (colours, cursor movement), and control strings (titles, clipboards) with their ends. */
const sequences = new RegExp(
  `${escape}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^${escape}${bell}]*(?:${bell}|${escape}\\\\))`,
  "g"
)

/** Controls, and the marks that reverse or reorder what follows. */
const unseen = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const visible = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/**
 * One line that no terminal takes for a command: colours and the like are left out, a tab is a blank, other control characters are shown as
 * `\x1b`.
 *
 * @since 0.2.0
 * @category formatting
 */
export const printable = (text: string): string =>
  text.replace(sequences, "").replaceAll("\t", " ").replace(unseen, visible)

/**
 * At most `width` characters, the last of them `…` where there were more.
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
 * Lines of at most `width` characters, broken at blanks where there are some; the second and later ones begin with `indent`. At most `most`
 * lines, the last of them cut.
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
 * Rows of a terminal that a line takes.
 *
 * @since 0.2.0
 * @category formatting
 */
export const rowsOf = (line: string, columns: number): number =>
  Number.isFinite(columns) ? Math.max(1, Math.ceil([...line].length / columns)) : 1
