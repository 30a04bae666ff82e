/**
 * What code of the user threw, in one line.
 *
 * @since 0.2.0
 */

/** Frames of Node, of ktstr and of its dependencies say nothing to who wrote the code; a configuration's bundle is gone by then. */
const foreign =
  /node:|[\\/]node_modules[\\/]|[\\/]dist[\\/]|ktstr\.config\.[^\\/]*\d+\.mjs|[\\/](core|plugins[\\/][\w-]+|cli)[\\/]src[\\/]|[\\/]ktstr-[^\\/]*[\\/]/

const placeOf = (error: Error): string | undefined => {
  for (const line of (error.stack ?? "").split("\n")) {
    const place = /(?:file:\/\/)?(\/[^()]*:\d+:\d+)\)?$/.exec(line.trim())?.[1]
    if (place !== undefined && /^\s*at /.test(line) && !foreign.test(place)) return place
  }
  return undefined
}

/**
 * The kind of the error, its message in one line, and where it was thrown as far as that is known. Takes whatever can be thrown.
 *
 * @since 0.2.0
 * @category rendering
 */
export const describeFault = (thrown: unknown): string => {
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
  const place = placeOf(thrown)
  return `${kind ? `${thrown.name}: ` : ""}${line}${place === undefined ? "" : ` (${place})`}`
}
