/**
 * Fits text from other programs into ktstr's own one-line messages.
 *
 * @since 0.2.0
 */

/** Maximum length of a quoted message, in characters. */
const longest = 400

/**
 * Joins all lines of a text into one line, with `; ` after each line that does not end in punctuation. Cuts the result at 400 characters with `…`.
 * All lines are used because the first one alone is often a fragment: "Build failed with 1 error:".
 *
 * @since 0.2.0
 * @category formatting
 */
export const oneLine = (text: string): string => {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const joined = lines.reduce(
    (all, line) => (all === "" ? line : `${all}${/[:;,.!?]$/.test(all) ? " " : "; "}${line}`),
    ""
  )
  return joined.length <= longest ? joined : `${joined.slice(0, longest - 1)}…`
}
