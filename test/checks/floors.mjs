// The floor plans of the packages that have rooms: which room stands on which floor. A room imports rooms of lower floors only, and of them only
// their index.ts.
export const floorPlans = {
  "core/src": [
    ["base", "host", "cache"],
    ["topology", "protocol", "image"],
    ["work", "machine"],
    ["kernel", "check"],
    ["scheduler", "payload"],
    ["session"],
    ["scenario"],
    ["plan"],
    ["live"],
    ["run"],
    ["explore", "test"],
    ["report"]
  ],
  "plugins/kernel-sources/src": [["codec", "http"], ["remote"], ["build"], ["sources"]],
  "cli/src": [["parse"], ["io"], ["choose"], ["runs"], ["commands"]]
}

/** Files above the rooms of their package: they import what rooms export. */
const roofs = ["cli/src/Main.ts"]

/** The command's entry imports single files of rooms, so that help is there before anything else is loaded. */
const entry = "cli/src/bin.ts"

const plans = Object.entries(floorPlans).map(([folder, floors]) => ({
  folder,
  floors,
  floorOf: new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])))
}))

/** The floor plan of the package that a file is of; undefined: one without rooms. */
const planOf = (path) => plans.find(({ folder }) => path.startsWith(`${folder}/`))

/** `core/src/kernel/Cache.ts` → `kernel`; undefined for a file outside every room. */
export const roomOf = (path) => {
  const plan = planOf(path)
  return plan && /^([^/]+)\/[^/]+$/.exec(path.slice(plan.folder.length + 1))?.[1]
}

/** Why a file may not import another file of its package; undefined: it may. Paths are relative to the repository. */
export const arrowOffence = (from, to) => {
  const plan = planOf(from)
  if (plan === undefined) return undefined
  const { folder, floorOf } = plan
  if (from === entry) return undefined
  if (from === `${folder}/index.ts` || roofs.includes(from))
    return to.endsWith("/index.ts") ? undefined : "reaches into a room"
  const [here, there] = [roomOf(from), roomOf(to)]
  if (here === undefined || !floorOf.has(here)) return "stands in no room of the floor plan (test/checks/floors.mjs)"
  if (there === undefined || !floorOf.has(there)) return "its target stands in no room of the floor plan"
  if (here === there) return to.endsWith("/index.ts") ? "a room's files import one another, not its index" : undefined
  if (!to.endsWith("/index.ts")) return `reaches into the room ${there}: import its index.ts`
  return floorOf.get(there) < floorOf.get(here)
    ? undefined
    : `the arrow runs up: ${here} is on floor ${floorOf.get(here)}, ${there} on floor ${floorOf.get(there)}`
}

/** Groups of files that import each other in a circle. `graph`: file → the files that it imports. */
export const circlesOf = (graph) => {
  const state = new Map()
  const stack = []
  const circles = []
  const visit = (file) => {
    const own = { index: state.size, low: state.size, open: true }
    state.set(file, own)
    stack.push(file)
    for (const target of graph.get(file) ?? []) {
      if (!graph.has(target)) continue
      const known = state.get(target) ?? visit(target)
      if (known.open) own.low = Math.min(own.low, known.low)
    }
    if (own.low === own.index) {
      const circle = stack.splice(stack.indexOf(file))
      for (const member of circle) state.get(member).open = false
      if (circle.length > 1 || (graph.get(file) ?? []).includes(file)) circles.push(circle.sort())
    }
    return own
  }
  for (const file of graph.keys()) if (!state.has(file)) visit(file)
  return circles
}

/** A package's plan as text, the top floor first: rooms with their numbers of files, and the rooms that each imports. */
const planText = ({ folder, floors }, graph) => {
  const rooms = new Map()
  for (const [file, targets] of graph) {
    const room = file.startsWith(`${folder}/`) ? roomOf(file) : undefined
    if (room === undefined) continue
    const known = rooms.get(room) ?? { files: 0, below: new Set() }
    if (!file.endsWith("/index.ts")) known.files++
    for (const target of targets) {
      const below = roomOf(target)
      if (below !== undefined && below !== room) known.below.add(below)
    }
    rooms.set(room, known)
  }
  const lines = [...floors.entries()].reverse().flatMap(([floor, names]) =>
    names.map((name, at) => {
      const { below = new Set(), files = 0 } = rooms.get(name) ?? {}
      const label = at === 0 ? `${floor}`.padStart(2) : "  "
      return `${label}  ${name.padEnd(10)} ${`${files}`.padStart(3)} files  ${[...below].sort().join(" ")}`.trimEnd()
    })
  )
  return [`${folder}:`, "floor room             imports", ...lines].join("\n")
}

/** Every package's plan. */
export const plansText = (graph) => plans.map((plan) => planText(plan, graph)).join("\n\n")
