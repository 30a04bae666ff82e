// Times whole commands with hyperfine.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Medians in seconds of each command over `runs` runs after `warmup` more; the commands are not given a shell. */
export const medians = (commands, { runs, warmup, cwd }) => {
  const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
  const json = join(scratch, "result.json")
  try {
    execFileSync("hyperfine", ["-N", "-r", String(runs), "-w", String(warmup), "--export-json", json, ...commands], {
      cwd,
      stdio: ["ignore", 2, 2]
    })
    return JSON.parse(readFileSync(json, "utf8")).results.map((result) => result.median)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
