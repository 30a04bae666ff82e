// How many seeds a minute `ktstr explore` runs when its machines are forked, against a boot for each seed.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { cachedKernel } from "./cachedKernel.mjs"

/** Seeds that are enough for a rate: a boot is shared by all that are forked. */
const forked = 60
const booted = 6

/** Any verdict is a run. */
const seedsPerMinute = (root, output, seeds, more) => {
  const { key } = cachedKernel(root)
  const options = ["--kernel", key, "-t", "1n2l2c1t", "-d", "1", "-j", "2", "--no-shrink", "--json", "--output", output]
  const scheduler = ["--scheduler", "native/bpf/build/scx_ktstr"]
  const began = Date.now()
  const args = ["cli/dist/bin.js", "explore", "steady", "--seeds", `1..${seeds}`, ...options, ...scheduler, ...more]
  let text
  try {
    text = execFileSync("node", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", 2] })
  } catch (error) {
    text = error.stdout
  }
  const { runs } = JSON.parse(text)
  if (runs !== seeds) throw new Error(`explore ran ${runs} of ${seeds} seeds`)
  return seeds / ((Date.now() - began) / 60_000)
}

export const exploreRate = async (root) => {
  const output = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
  try {
    const boots = seedsPerMinute(root, output, booted, ["--no-fork"])
    const forks = seedsPerMinute(root, output, forked, [])
    return [
      {
        name: "seeds a minute, forked / booted",
        value: (forks / boots).toFixed(1),
        unit: "x",
        atLeast: 10,
        note: `steady for 1 s on scx_ktstr, 4 CPUs, two machines at a time: ${forks.toFixed(1)} against ${boots.toFixed(1)}`
      }
    ]
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}
