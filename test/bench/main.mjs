// `npm run bench`: ratios against a peer in the same run, never absolute times. Prints a table, writes
// `.ktstr/bench.json`, and always exits 0 unless something could not be measured: a ratio is a fact, not a verdict.
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { engineCost } from "./engine.mjs"
import { helpTime } from "./help.mjs"
import { hostMemory } from "./memory.mjs"
import { runOverhead } from "./overhead.mjs"
import { schedulerCosts } from "./scheduler.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const rows = [
  ...(await runOverhead(root)),
  ...(await engineCost(root)),
  ...(await schedulerCosts(root)),
  ...(await helpTime(root)),
  ...(await hostMemory(root))
]

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
