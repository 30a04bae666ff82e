// node test/fuzz/seeds.mjs DIR: the first corpus of each target. Their inputs are lists of small choices, so that arbitrary bytes of
// several lengths are a beginning; the same ones everywhere.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [directory] = process.argv.slice(2)
const targets = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".cc"))
  .map((name) => name.slice(0, -3))

/** Numerical Recipes' linear congruential generator; the upper byte of each. */
const bytes = (length, seed) => {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

for (const target of targets) {
  mkdirSync(join(directory, target), { recursive: true })
  for (const [seed, length] of [16, 64, 64, 64, 200, 200, 200, 600, 600].entries())
    writeFileSync(join(directory, target, `bytes-${seed}`), bytes(length, seed))
}
