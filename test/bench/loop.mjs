// How long one turn of the host process's event loop lasts while guests run: a longer turn delays the reading of frames, timeouts and
// progress of every other machine. On a busy host the delay says more about the host, so the turn's CPU time counts.
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { cachedKernel } from "./cachedKernel.mjs"

const probe = fileURLToPath(new URL("loopProbe.mjs", import.meta.url))
const target = 20

/** Runs `ktstr` with the probe, and returns what it measured from the start of the first machine. */
const measured = (root, args) => {
  const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
  const file = join(scratch, "turns.json")
  try {
    const { status } = spawnSync("node", ["--import", probe, "cli/dist/bin.js", ...args], {
      cwd: root,
      env: { ...process.env, KTSTR_LOOP_PROBE: file },
      stdio: ["ignore", "ignore", "inherit"]
    })
    // Whatever the verdict: on a busy host, workers may starve.
    if (![0, 1, 2].includes(status)) throw new Error(`ktstr ${args[0]} ended with ${status}`)
    if (!existsSync(file)) throw new Error(`ktstr ${args[0]} started no machine`)
    return JSON.parse(readFileSync(file, "utf8"))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export const loopTurns = async (root) => {
  const kernel = ["--kernel", cachedKernel(root).key]
  const runs = {
    "one run of steady": ["run", "steady", "--duration", "5", ...kernel],
    "one run of 64 workers": ["run", "steady", "--duration", "5", "--workers", "32", ...kernel],
    "four machines at a time": ["explore", "steady", "--duration", "1", "--seeds", "1..8", "--jobs", "4", ...kernel]
  }
  return Object.entries(runs).map(([name, args]) => {
    const { delayMs, delayP99Ms, turns } = measured(root, args)
    const [longest] = turns
    const over = turns.filter(({ cpuMs }) => cpuMs > target)
    const list = over.map(({ atMs, cpuMs }) => `${cpuMs} ms at ${atMs} ms`).join(", ")
    return {
      name: `longest turn, ${name}`,
      value: longest?.cpuMs ?? 0,
      unit: "ms",
      target,
      note: `CPU time; longest delay ${delayMs} ms, 99 % below ${delayP99Ms} ms${list === "" ? "" : `; over ${target} ms: ${list}`}`
    }
  })
}
