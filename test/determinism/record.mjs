// Records measurements as JSON lines, so that an interrupted measurement can be resumed.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

/** Lines that a cut has left whole. */
const readLines = (file) =>
  readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line)]
      } catch {
        return []
      }
    })

/**
 * A record in `file`; undefined: in memory only. `setting` is what all of it was measured with: a record made with another is not gone on
 * with. Throws an error whose message is for people.
 */
export const openRecord = (file, resume, setting) => {
  const known = new Map()
  const first = { kind: "ktstr determinism", ...setting }
  if (file !== undefined && existsSync(file)) {
    if (!resume) throw new Error(`${file} exists: go on with it (--resume) or name another`)
    const [head, ...entries] = readLines(file)
    if (JSON.stringify(head) !== JSON.stringify(first)) {
      throw new Error(
        `${file} was measured with ${JSON.stringify(head)}, this would be with ${JSON.stringify(first)}: name another`
      )
    }
    for (const entry of entries) known.set(entry.id, entry)
    // A line that was cut in the middle must not swallow the next.
    appendFileSync(file, "\n")
  } else if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify(first)}\n`)
  }
  return {
    /** Undefined: not measured yet. */
    get: (id) => known.get(id),
    add: (entry) => {
      known.set(entry.id, entry)
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`)
      return entry
    }
  }
}
