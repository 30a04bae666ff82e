// The floor plan of the guest agent: which room of native/agent stands on which floor. A file includes headers of its own room by their
// name, and those of rooms of lower floors by room and name.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export const agentFloors = [["base"], ["wire"], ["sys", "work"], ["process"], ["group"], ["scheduler"], ["session"]]

const floorOf = new Map(agentFloors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])))

/**
 * Why a file of the agent may not include a header; undefined: it may. `from` and `header` are relative to native/agent; the header is as the
 * directive spells it.
 */
export const includeOffence = (from, header) => {
  const here = from.split("/")[0]
  if (!floorOf.has(here)) return "stands in no room of the agent's floor plan (test/checks/agentFloors.mjs)"
  const parts = header.split("/")
  if (parts.length === 1) return undefined
  const [there] = parts
  if (parts.length > 2 || !floorOf.has(there)) return "its header stands in no room of the agent's floor plan"
  if (here === there) return "a header of the same room goes by its name alone"
  if (floorOf.get(there) < floorOf.get(here)) return undefined
  return `the arrow runs up: ${here} is on floor ${floorOf.get(here)}, ${there} on floor ${floorOf.get(there)}`
}

/** The includes of a C file in quotes, as `{ header, line }`. */
export const includesOf = (text) =>
  text.split("\n").flatMap((line, at) => {
    const header = /^\s*#\s*include\s*"([^"]+)"/.exec(line)?.[1]
    return header === undefined ? [] : [{ header, line: at + 1 }]
  })

/** Every C file of the agent's rooms below `folder`, relative to it. A folder that is no room counts, too: its files are offences. */
const agentFiles = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((file) => /\.[ch]$/.test(file) && !/^(build|test)\//.test(file))
    .sort()

/** Every offence of the agent below `root`, and its rooms with what they include, the top floor first. */
export const checkAgent = (root) => {
  const folder = join(root, "native/agent")
  const offences = []
  const rooms = new Map([...floorOf.keys()].map((room) => [room, { files: 0, below: new Set() }]))
  for (const file of agentFiles(folder)) {
    const here = file.split("/")[0]
    const room = rooms.get(here)
    if (room !== undefined) room.files++
    else offences.push(`native/agent/${file}: ${includeOffence(file, "")}`)
    for (const { header, line } of includesOf(readFileSync(join(folder, file), "utf8"))) {
      const offence = includeOffence(file, header)
      if (offence !== undefined) offences.push(`native/agent/${file}:${line}: includes ${header}: ${offence}`)
      const there = header.includes("/") ? header.split("/")[0] : here
      if (there !== here && room !== undefined) room.below.add(there)
    }
  }
  const lines = [...agentFloors.entries()].reverse().flatMap(([floor, names]) =>
    names.map((name, at) => {
      const { files, below } = rooms.get(name)
      const label = at === 0 ? `${floor}`.padStart(2) : "  "
      return `${label}  ${name.padEnd(10)} ${`${files}`.padStart(3)} files  ${[...below].sort().join(" ")}`.trimEnd()
    })
  )
  return { offences, rooms: rooms.size, plan: ["floor room             includes", ...lines].join("\n") }
}
