// `npm run bench`: ratios against a peer in the same run, never absolute times. `npm run bench -- native` measures only what is named
// so. Prints a table, writes `.ktstr/bench.json`, and always exits 0 unless something could not be measured: a ratio is a fact, not a
// verdict.
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { deterministicCost } from "./deterministic.mjs"
import { engineCost } from "./engine.mjs"
import { exploreRate } from "./explore.mjs"
import { helpTime } from "./help.mjs"
import { loopTurns } from "./loop.mjs"
import { hostMemory } from "./memory.mjs"
import { nativeBackend } from "./native.mjs"
import { runOverhead } from "./overhead.mjs"
import { schedulerCosts } from "./scheduler.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const measures = {
  overhead: runOverhead,
  engine: engineCost,
  schedulers: schedulerCosts,
  help: helpTime,
  memory: hostMemory,
  loop: loopTurns,
  native: nativeBackend,
  deterministic: deterministicCost,
  explore: exploreRate
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !Object.hasOwn(measures, name))
if (unknown !== undefined) {
  console.error(`bench: there is no measure ${unknown}; there are ${Object.keys(measures).join(", ")}`)
  process.exit(64)
}
const rows = []
for (const name of asked.length > 0 ? asked : Object.keys(measures)) rows.push(...(await measures[name](root)))

const width = Math.max(...rows.map((row) => row.name.length))
console.log(`\n${"measure".padEnd(width)}  ${"value".padStart(10)}  ${"target".padStart(10)}  note`)
const bound = ({ atLeast, target, unit }) =>
  atLeast !== undefined ? `≥ ${atLeast}${unit}` : target !== undefined ? `≤ ${target}${unit}` : ""
for (const row of rows) {
  const { name, value, unit, note } = row
  console.log(`${name.padEnd(width)}  ${`${value}${unit}`.padStart(10)}  ${bound(row).padStart(10)}  ${note}`)
}
mkdirSync(`${root}.ktstr`, { recursive: true })
writeFileSync(`${root}.ktstr/bench.json`, `${JSON.stringify(rows, null, 2)}\n`)
