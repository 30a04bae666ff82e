// Puts a load of 4 on this host: two spinners, and two loops of compilations.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Ends by itself when its parent is gone. */
const spin = "const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 3e8; i++);"

/** Enough for a compiler to be busy for some seconds. */
const source = [
  "#include <stdio.h>",
  ...Array.from(
    { length: 3000 },
    (_, n) => `int f${n}(int a, int b) { for (int i = 0; i < b; i++) a = a * ${n + 3} + (i ^ b) % ${n + 7}; return a; }`
  ),
  "int main(int argc, char **argv) { return f1(argc, 3); }"
].join("\n")

/** Compiles again and again until its parent is gone; the compiler's output goes nowhere. */
const compile = `
const { spawnSync } = require("node:child_process")
const parent = process.ppid
while (process.ppid === parent) {
  const { error, status } = spawnSync("cc", ["-O2", "-c", "-o", "/dev/null", process.argv[1]], { stdio: "inherit" })
  if (error !== undefined || status !== 0) process.exit(1)
}`

/** Starts the load. `stop` kills all its processes by PID, and may be called more than once. */
export const startLoad = () => {
  const folder = mkdtempSync(join(tmpdir(), "ktstr-busy-"))
  const file = join(folder, "load.c")
  writeFileSync(file, source)
  let stopping = false
  const start = (args) => {
    // A group of its own: the compiler ends with the loop that started it.
    const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", "inherit"] })
    child.once("exit", (code, signal) => {
      if (!stopping)
        console.error(
          `busy: a process of the load ended by itself (${signal ?? code}): the host is less busy than it should be`
        )
    })
    return child
  }
  const children = [
    ["-e", spin],
    ["-e", spin],
    ["-e", compile, file],
    ["-e", compile, file]
  ].map(start)
  return {
    stop: () => {
      if (stopping) return
      stopping = true
      for (const { exitCode, pid, signalCode } of children) {
        if (pid === undefined || exitCode !== null || signalCode !== null) continue
        try {
          process.kill(-pid, "SIGKILL")
        } catch {
          // Gone meanwhile.
        }
      }
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
