// Verdicts of machines in the host's time beside processes that take that time: what the host did is never the scheduler's fault, and what the
// scheduler did stays its fault.
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { RunResult } from "@ktstr/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bin, environment, root } from "./ktstr.ts"

/** Up to two CPUs that this process may use: the machines and the spinners share them. */
const cpus = ((): string => {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!
  const all = list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, n) => first! + n)
  })
  return all.slice(0, 2).join(",")
})()

const pinned = (args: ReadonlyArray<string>): ChildProcess =>
  spawn("taskset", ["-c", cpus, process.execPath, ...args], {
    cwd: root,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"]
  })

interface Busy {
  readonly result: RunResult
  readonly code: number | null
}

/** Runs on the spinners' CPUs; `onEvent` has the name of each event as it happens, and ktstr's process. */
const run = (
  args: ReadonlyArray<string>,
  onEvent: (event: string, pid: number) => void = () => undefined
): Promise<Busy> =>
  new Promise((resolve, reject) => {
    const child = pinned([bin, "run", ...args, "--vmm", "qemu-tcg", "--format", "ndjson"])
    let result: RunResult | undefined
    let said = ""
    let rest = ""
    child.stderr!.on("data", (chunk) => {
      said += chunk
    })
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = `${rest}${chunk}`.split("\n")
      rest = lines.pop()!
      for (const line of lines) {
        const event = JSON.parse(line)
        if (event._tag === "RunFinished") result = event.result
        onEvent(event._tag, child.pid!)
      }
    })
    child.once("close", (code) => {
      if (result === undefined) reject(new Error(`ktstr ended with ${code}: ${said}`))
      else resolve({ result, code })
    })
  })

/** The machine of a ktstr process. */
const machineOf = (parent: number): number => {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      if (Number(fields[1]) === parent && stat.includes("(qemu-system")) return Number(pid)
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`process ${parent} has no machine`)
}

const fixture = ["--scheduler", join(root, "native/bpf/build/scx_ktstr")]

/**
 * Spins until its parent is gone. Each has a session of its own: a kernel that schedules by session (`sched_autogroup_enabled`) would give
 * all of them together no more than the machine has.
 */
const startSpinner = (): ChildProcess => {
  const alive = `process.ppid === ${process.pid}`
  return spawn("taskset", ["-c", cpus, process.execPath, "-e", `while (${alive});`], {
    stdio: "ignore",
    detached: true
  })
}

describe("beside four spinners on its CPUs", { timeout: 300_000 }, () => {
  const spinners: Array<ChildProcess> = []
  beforeAll(() => {
    for (let n = 0; n < 4; n++) spinners.push(startSpinner())
  })
  afterAll(() => {
    for (const spinner of spinners) spinner.kill("SIGKILL")
  })

  it("a sound scheduler does not fail, and the result tells of the delay", async () => {
    const { result } = await run(["steady", "-d", "3", "--max-gap-ms", "20"])
    // A gap of 20 ms is one that this host makes by itself, and so are the turns of the emulated CPUs on an idle one.
    expect(result.outcome, result.details.join("\n")).toBe("inconclusive")
    for (const detail of result.details) expect(detail).toContain("; not judged: ")
    expect(result.hostDelayShare).toBeGreaterThan(0.1)
    expect(result.hostDelayShare).toBeLessThanOrEqual(1)
    expect(result.hostDelayMs).toBeGreaterThan(300)
  })

  it("a machine that was stopped in the middle of its run does not fail", async () => {
    let stopped = false
    const { code, result } = await run(["steady", "-d", "6"], (event, pid) => {
      // Its workers run.
      if (event !== "Holding" || stopped) return
      stopped = true
      const machine = machineOf(pid)
      process.kill(machine, "SIGSTOP")
      setTimeout(() => process.kill(machine, "SIGCONT"), 5000)
    })
    expect(stopped).toBe(true)
    expect(result.outcome, result.details.join("\n")).toBe("inconclusive")
    expect(code).not.toBe(0)
    expect(result.details[0]).toContain("not judged: the host kept the machine waiting for")
  })

  it("a scheduler that starves a cgroup for far longer than the host does fails", async () => {
    // Once they work: workers that are starved before they are ready show a shorter wait, of which the host may excuse a part that is too large.
    const starving = ["--sched-args", "--starve cg_0 --starve-ran 200 --starve-for 8"]
    const args = ["steady", "-d", "10", "--watchdog", "0", "--max-gap-ms", "100", ...fixture, ...starving]
    const { result } = await run(args)
    expect(result.hostDelayShare).toBeGreaterThan(0.05)
    expect(result.outcome, result.details.join("\n")).toBe("fail")
    expect(result.details.join("\n")).toMatch(
      /cg_0.*stuck .*the host kept the machine waiting for .*, too little to explain it/
    )
  })
})
