// `npm run determinism [same|seeds|race|plain …]`: the claims of docs/deterministic.md, measured. Prints tables; takes an hour or two for all.
//   --runs N    how often each case of `same` is run (default 10)
//   --seeds N   how many seeds `seeds` runs (default 50) and `race` at most (default 300)
//   --times N   replays of `race`, and runs of `plain` (default 20 and 100)
//   --jobs N    machines at a time (default 2)
//   --kernel K  as of ktstr run
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const root = fileURLToPath(new URL("../..", import.meta.url))
const bin = join(root, "cli/dist/bin.js")
const fixture = join(root, "native/bpf/build/scx_ktstr")
const text = { type: "string" }
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: text, seeds: text, times: text, jobs: text, kernel: text }
})
const count = (name, otherwise) => (values[name] === undefined ? otherwise : Number(values[name]))
const jobs = count("jobs", 2)
const kernel = values.kernel === undefined ? [] : ["--kernel", values.kernel]
const scratch = mkdtempSync(join(tmpdir(), "ktstr-determinism-"))
const children = new Set()

const start = (program, args, cwd) => {
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "inherit"] })
  children.add(child)
  child.once("close", () => children.delete(child))
  return child
}

/** Runs ktstr; gives its standard output as JSON. */
const ktstr = (args, cwd = root) =>
  new Promise((resolve, reject) => {
    let stdout = ""
    const child = start(process.execPath, [bin, ...args], cwd)
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    child.once("close", (code) => {
      try {
        resolve(JSON.parse(stdout))
      } catch {
        reject(new Error(`ktstr ${args.join(" ")} ended with ${code} and said: ${stdout.slice(0, 500)}`))
      }
    })
  })

/** As many at a time as there are jobs. */
const inParallel = async (tasks) => {
  const results = []
  let next = 0
  const worker = async () => {
    while (next < tasks.length) {
      const at = next++
      results[at] = await tasks[at]()
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return results
}

/** Keeps both CPUs busy while `body` runs. */
const underLoad = async (body) => {
  const spinners = [0, 1].map(() => start(process.execPath, ["-e", "for (;;);"], scratch))
  try {
    return await body()
  } finally {
    for (const spinner of spinners) spinner.kill("SIGKILL")
  }
}

const deterministic = (seed) => ["--clock", "deterministic", "--seed", String(seed)]
const racing = ["--scheduler", fixture, "--sched-args", "--race"]
const raceCase = ["-t", "1n2l2c1t", "-d", "1", ...racing]

/** Same seed, again and again: from two folders, with the host idle and under load. */
const same = async () => {
  const runs = count("runs", 10)
  console.log(`\n| scenario | scheduler | topology | runs | outcomes | event hashes |\n|---|---|---|---|---|---|`)
  for (const scenario of ["steady", "oversubscribed", "cgroupAdd", "cpusetApply"]) {
    for (const scheduler of ["eevdf", "scx_ktstr"]) {
      for (const topology of ["1n2l2c1t", "2n4l2c1t"]) {
        const args = [
          ...["run", scenario, "-t", topology, "-d", "2", "--format", "json", ...deterministic(1), ...kernel],
          ...(scheduler === "eevdf" ? [] : ["--scheduler", fixture])
        ]
        const half = Math.ceil(runs / 2)
        const tasks = (n, cwd) => Array.from({ length: n }, () => () => ktstr(args, cwd))
        const idle = await inParallel(tasks(half, root))
        const loaded = await underLoad(() => inParallel(tasks(runs - half, scratch)))
        const results = [...idle, ...loaded]
        const outcomes = [...new Set(results.map(({ outcome }) => outcome))].join(", ")
        const hashes = [...new Set(results.map(({ determinism }) => determinism.eventHash.slice(0, 16)))].join(", ")
        console.log(`| ${scenario} | ${scheduler} | ${topology} | ${runs} | ${outcomes} | ${hashes} |`)
      }
    }
  }
}

/** Distinct schedules among the seeds of one scenario. */
const seeds = async () => {
  const most = count("seeds", 50)
  const args = ["explore", "steady", "-d", "1", "--no-shrink", "--json", "--output", scratch, "-j", String(jobs)]
  const { ended, schedules } = await ktstr([...args, "--seeds", `1..${most}`, ...kernel])
  console.log(`\nsteady, seeds 1 to ${most}: ${schedules} distinct schedules of ${ended} runs`)
}

/** The race of the fixture scheduler: found, replayed, made smaller, replayed. */
const race = async () => {
  const began = Date.now()
  const args = ["explore", "steady", "--until-fail", "--json", "--output", scratch, "-j", String(jobs), ...raceCase]
  const { failures, kept, runs } = await ktstr([...args, "--seeds", `1..${count("seeds", 300)}`, ...kernel])
  if (failures.length === 0) {
    console.log(`\nno failure among ${runs} seeds`)
    return
  }
  const [first] = kept
  const minutes = ((Date.now() - began) / 60_000).toFixed(1)
  console.log(
    `\nfound with seed ${first.seed} after ${runs} runs and made smaller, in ${minutes} min: ${failures[0].details[0]}`
  )
  for (const [what, file] of [
    ["as found", first.file],
    ["smallest", first.shrunk?.file]
  ]) {
    if (file === undefined) continue
    const { matched, times } = await ktstr(["replay", file, "--times", String(count("times", 20)), "--json"])
    console.log(`replayed ${what}: ${matched} of ${times} the same run`)
  }
  if (first.shrunk) console.log(`smallest: ${JSON.stringify(first.shrunk.case)}, seed ${first.shrunk.seed}`)
}

/** The same test on plain emulation, which nobody can ask for the same run. */
const plain = async () => {
  const runs = count("times", 100)
  const args = ["run", "steady", "--vmm", "qemu-tcg", "--format", "json", ...raceCase, ...kernel]
  const results = await inParallel(Array.from({ length: runs }, () => () => ktstr(args)))
  const failed = results.filter(({ details }) => details.some((line) => line.includes("longer than it has been there")))
  console.log(`\nplain emulation: the race showed in ${failed.length} of ${runs} runs`)
}

const parts = { same, seeds, race, plain }
const unknown = positionals.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) {
  console.error(`determinism: there is no part ${unknown}; there are ${Object.keys(parts).join(", ")}`)
  process.exit(64)
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    for (const child of children) child.kill("SIGTERM")
    process.exitCode = 1
  })
}
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) await parts[name]()
} finally {
  for (const child of children) child.kill("SIGTERM")
  rmSync(scratch, { recursive: true, force: true })
}
