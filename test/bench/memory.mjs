// Peak resident memory of the host process over a whole run, the guest's not counted (it is qemu's).
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { cachedKernel } from "./cachedKernel.mjs"

export const hostMemory = async (root) => {
  const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
  const file = join(scratch, "peak")
  const report = `import{writeFileSync}from"node:fs";process.on("exit",()=>writeFileSync(${JSON.stringify(file)},String(process.resourceUsage().maxRSS)))`
  try {
    const preload = `data:text/javascript,${encodeURIComponent(report)}`
    const run = ["run", "steady", "--duration", "1", "--kernel", cachedKernel(root).key]
    const { status } = spawnSync("node", ["--import", preload, "cli/dist/bin.js", ...run], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"]
    })
    if (status !== 0) throw new Error(`ktstr run ended with ${status}`)
    const peak = Math.round(Number(readFileSync(file, "utf8")) / 1024)
    return [
      { name: "peak memory of the host process", value: peak, unit: "MB", target: 150, note: "one run of steady" }
    ]
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
