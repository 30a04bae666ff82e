// npm run fuzz -- [--minutes N] [--runs N] [--target NAME]…: runs every libFuzzer target of the agent, the fixture scheduler's loader and
// the addon, two at a time, and prints what each did and which lines it came to. A finding ends it with 1, and its input is kept.
//
// A folder with targets has a Makefile with a target `fuzz`, which leaves executables in build/fuzz/NAME, seeds in build/fuzz/corpus/NAME/
// and, where there is one, a dictionary in build/fuzz/NAME.dict. Built with -fprofile-instr-generate and -fcoverage-mapping.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { finding, row, statistics } from "./report.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folders = ["native/agent", "native/src"]
const atOnce = 2
/** One input may take as long, in seconds; memory in MiB. */
const inputLimits = ["-timeout=20", "-rss_limit_mb=2048"]

const usage = (message) => {
  process.stderr.write(`fuzz: ${message}\nusage: npm run fuzz -- [--minutes N] [--runs N] [--target NAME]...\n`)
  process.exit(64)
}

const options = (() => {
  try {
    return parseArgs({
      options: {
        minutes: { type: "string" },
        runs: { type: "string" },
        target: { type: "string", multiple: true }
      }
    }).values
  } catch (error) {
    return usage(error.message)
  }
})()

const positive = (name, text) => {
  const value = Number(text)
  return value > 0 && Number.isFinite(value) ? value : usage(`--${name} must be a number above 0, got '${text}'`)
}

const runs = options.runs === undefined ? undefined : Math.ceil(positive("runs", options.runs))
const minutes = positive("minutes", options.minutes ?? "10")

/** The first of a tool's names that is there, newest of what set-up installs last. */
const tool = (name) => {
  const found = ["-19", "-20", "-21", "-22", ""].find((version) => {
    const { error } = spawnSync(`${name}${version}`, ["--version"], { stdio: "ignore" })
    return error === undefined
  })
  if (found === undefined) {
    process.stderr.write(`fuzz: ${name} not found; install it: apt-get install llvm-19\n`)
    process.exit(69)
  }
  return `${name}${found}`
}

const tools = { profdata: tool("llvm-profdata"), cov: tool("llvm-cov") }

const targetsOf = (folder) => {
  const makefile = join(root, folder, "Makefile")
  if (!/^fuzz:/m.test(readFileSync(makefile, "utf8"))) return []
  const { status } = spawnSync("make", ["-s", `-j${atOnce}`, "-C", folder, "fuzz"], {
    cwd: root,
    stdio: ["ignore", 2, 2]
  })
  if (status !== 0) {
    process.stderr.write(`fuzz: ${folder}: the targets can't be built; see above\n`)
    process.exit(69)
  }
  const built = join(root, folder, "build/fuzz")
  return readdirSync(join(built, "corpus")).map((name) => ({
    name,
    executable: join(built, name),
    seeds: join(built, "corpus", name),
    dictionary: existsSync(join(built, `${name}.dict`)) ? join(built, `${name}.dict`) : undefined,
    // What a longer run found is where the next one begins.
    corpus: join(built, "found", name),
    artifacts: join(built, "findings", name)
  }))
}

const scratch = mkdtempSync(join(tmpdir(), "ktstr-fuzz-"))
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }))

const children = new Set()
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    for (const child of children) child.kill("SIGKILL")
    process.exit(signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 129)
  })
}

const runProgram = (command, args, env = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let text = ""
    const hear = (part) => {
      text = `${text}${part}`.slice(-200_000)
    }
    children.add(child)
    child.stdout.setEncoding("utf8").on("data", hear)
    child.stderr.setEncoding("utf8").on("data", hear)
    child.once("error", (error) => resolve({ status: 127, text: error.message }))
    child.once("close", (status) => {
      children.delete(child)
      resolve({ status, text })
    })
  })

/** Lines and regions that the merged corpus comes to, of the sources that the target links. */
const coverage = async (target, corpora) => {
  const raw = join(scratch, `${target.name}.profraw`)
  const merged = join(scratch, `${target.name}.profdata`)
  const quiet = { LLVM_PROFILE_FILE: raw }
  const replay = await runProgram(target.executable, ["-runs=0", ...inputLimits, ...corpora], quiet)
  if (replay.status !== 0) return undefined
  const made = await runProgram(tools.profdata, ["merge", "-sparse", raw, "-o", merged])
  const shown = await runProgram(tools.cov, ["export", "-summary-only", `-instr-profile=${merged}`, target.executable])
  rmSync(raw, { force: true })
  if (made.status !== 0 || shown.status !== 0) return undefined
  // Files that the target does not reach at all are ignored.
  const files = JSON.parse(shown.text).data[0].files.filter(
    ({ filename, summary }) =>
      !filename.includes("/test/") && !filename.startsWith("test/") && summary.regions.covered > 0
  )
  const share = (kind) => {
    const sum = (field) => files.reduce((total, { summary }) => total + summary[kind][field], 0)
    return { covered: sum("covered"), count: sum("count") }
  }
  return { lines: share("lines"), regions: share("regions"), files: files.map(({ filename }) => filename) }
}

const fuzz = async (target, seconds) => {
  for (const folder of [target.corpus, target.artifacts]) mkdirSync(folder, { recursive: true })
  // A run of a fixed length begins with the seeds alone, so that it is the same everywhere.
  const grown = runs === undefined ? target.corpus : mkdtempSync(join(scratch, "corpus-"))
  const corpora = [grown, target.seeds]
  const length =
    runs === undefined ? [`-max_total_time=${Math.max(1, Math.round(seconds))}`] : [`-runs=${runs}`, "-seed=1"]
  const dictionary = target.dictionary === undefined ? [] : [`-dict=${target.dictionary}`]
  const { status, text } = await runProgram(
    target.executable,
    [
      ...corpora,
      ...length,
      ...dictionary,
      ...inputLimits,
      "-print_final_stats=1",
      `-artifact_prefix=${target.artifacts}/`
    ],
    { LLVM_PROFILE_FILE: "/dev/null", UBSAN_OPTIONS: "print_stacktrace=1" }
  )
  if (status !== 0) return { target, found: finding(text), ...statistics(text) }
  const covered = await coverage(target, corpora)
  return { target, ...statistics(text), inputs: readdirSync(grown).length + readdirSync(target.seeds).length, covered }
}

const all = folders.flatMap(targetsOf)
const unknown = (options.target ?? []).find((name) => !all.some((target) => target.name === name))
if (unknown !== undefined) usage(`no target '${unknown}'; there are ${all.map(({ name }) => name).join(", ")}`)
const chosen = all.filter(({ name }) => options.target === undefined || options.target.includes(name))
if (chosen.length === 0) usage("there are no targets")

const seconds = (minutes * 60 * Math.min(atOnce, chosen.length)) / chosen.length
const queue = [...chosen]
const results = []
const work = async () => {
  for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
    const result = await fuzz(target, seconds)
    results.push(result)
    if (result.found === undefined && result.covered === undefined)
      result.found = { words: "its coverage can't be read" }
    process.stdout.write(`${row(result)}\n`)
    if (result.found === undefined) continue
    const { input, words } = result.found
    const kept =
      input !== undefined && existsSync(input) ? `${relative(root, input)} (${statSync(input).size} bytes)` : "no input"
    process.stdout.write(`${words.replace(/^/gm, "  ")}\n  kept: ${kept}\n`)
    if (input !== undefined)
      process.stdout.write(`  again: ${relative(root, target.executable)} ${relative(root, input)}\n`)
  }
}

await Promise.all(Array.from({ length: atOnce }, work))
const found = results.filter((result) => result.found !== undefined)
const executed = results.reduce((sum, { executions }) => sum + (executions ?? 0), 0)
process.stdout.write(`${results.length} targets, ${executed} executions, ${found.length} findings\n`)
process.exit(found.length === 0 ? 0 : 1)
