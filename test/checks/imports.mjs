// Checks the direction of imports: cli → plugins, native → core. Core knows no plugin, and Node-only modules in a few places only; the rooms of a
// package import rooms of lower floors only (floors.mjs); no files import each other in a circle. Prints every offence with its line and exits 1.
// The agent's rooms include headers of lower floors only (agentFloors.mjs). `--plan` prints the floor plans.
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import typescript from "typescript"
import { checkAgent } from "./agentFloors.mjs"
import { arrowOffence, circlesOf, plansText, roomOf } from "./floors.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Which packages of ours a folder may import, and which folders beside it by path; `@ktstr/core` is everyone's. */
const rules = [
  {
    folder: "core/src",
    ours: [],
    node: [
      "core/src/base/Sha256.ts",
      "core/src/host/",
      "core/src/image/",
      "core/src/machine/",
      "core/src/protocol/EventHash.ts",
      "core/src/session/PrintkRing.ts"
    ]
  },
  { folder: "plugins/work-types/src", ours: ["@ktstr/core"] },
  { folder: "plugins/scenarios/src", ours: ["@ktstr/core"] },
  { folder: "plugins/schedulers/src", ours: ["@ktstr/core"] },
  { folder: "plugins/output-formats/src", ours: ["@ktstr/core"] },
  { folder: "plugins/reporters/src", ours: ["@ktstr/core"] },
  { folder: "plugins/vmm-qemu/src", ours: ["@ktstr/core"], anyNode: true },
  { folder: "plugins/kernel-sources/src", ours: ["@ktstr/core"], anyNode: true },
  { folder: "plugins/vitest/src", ours: ["@ktstr/core", "@ktstr/harness", "@ktstr/reporters"], anyNode: true },
  {
    folder: "plugins/harness/src",
    ours: [
      "@ktstr/core",
      "@ktstr/native",
      "@ktstr/work-types",
      "@ktstr/output-formats",
      "@ktstr/vmm-qemu",
      "@ktstr/kernel-sources",
      "@ktstr/reporters",
      "@ktstr/scenarios",
      "@ktstr/schedulers"
    ],
    anyNode: true
  },
  { folder: "native/machine", ours: ["@ktstr/core"] },
  { folder: "native/lib", ours: ["@ktstr/core"], anyNode: true, beside: ["native/machine"] },
  { folder: "cli/src", ours: [/^@ktstr\//], anyNode: true }
]

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (entry.name.endsWith(".ts")) yield path
  }
}

const offences = []
/** Every file with the files that it imports, relative to the repository. */
const graph = new Map()
for (const rule of rules) {
  for (const file of sources(join(root, rule.folder))) {
    const name = relative(root, file)
    const targets = []
    graph.set(name, targets)
    const text = readFileSync(file, "utf8")
    for (const { fileName: target, pos } of typescript.preProcessFile(text).importedFiles) {
      const line = text.slice(0, pos).split("\n").length
      const say = (why) => offences.push(`${name}:${line}: imports ${target}: ${why}`)
      if (target.startsWith("@ktstr/") || target === "ktstr") {
        const allowed = rule.ours.some((own) =>
          own instanceof RegExp ? own.test(target) : own === target.replace(/^(@ktstr\/core)\/.*/, "$1")
        )
        if (!allowed) say("against the direction cli → plugins, native → core")
      } else if (target.startsWith("node:")) {
        const allowed = rule.anyNode === true || (rule.node ?? []).some((folder) => name.startsWith(folder))
        if (!allowed) say("node: modules are for plugins, native, cli and a few places of core")
      } else if (target.startsWith(".")) {
        const resolved = relative(root, join(file, "..", target))
        const inside = [rule.folder, ...(rule.beside ?? [])].some((folder) => resolved.startsWith(`${folder}/`))
        targets.push(resolved)
        if (!inside) say("leaves its package by a relative path")
        const offence = inside ? arrowOffence(name, resolved) : undefined
        if (offence !== undefined) say(offence)
        if (!/\.(ts|json)$/.test(target)) say("needs its file extension, for Deno")
      } else if (rule.folder === "core/src" && !/^(effect|@effect\/platform)(\/|$)/.test(target)) {
        say("core depends on effect and @effect/platform only")
      }
    }
  }
}
const circles = circlesOf(graph)
for (const circle of circles) offences.push(`import each other in a circle: ${circle.join(", ")}`)
const agent = checkAgent(root)
offences.push(...agent.offences)
for (const offence of offences) console.error(offence)
if (process.argv.includes("--plan")) console.log(`${plansText(graph)}\n\nnative/agent:\n${agent.plan}\n`)
const rooms = new Set([...graph.keys()].flatMap((file) => (roomOf(file) ? file.slice(0, file.lastIndexOf("/")) : [])))
  .size
console.log(
  `imports: ${graph.size} files, ${rooms + agent.rooms} rooms, ${circles.length} circles, ${offences.length} offences`
)
process.exit(offences.length === 0 ? 0 : 1)
