/**
 * Messages of others in messages of ours, which are one line.
 *
 * @since 0.2.0
 */

/** Characters that a message of another takes in one of ours. */
const longest = 400

/**
 * The whole text in one line: its lines joined, `; ` between two of them where the first does not end in punctuation. Cut at 400
 * characters with `…`. The first line alone is often a fragment: "Build failed with 1 error:".
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
