// `npm run busy`: verdicts on a busy host. Runs steady, oversubscribed and mixedWorkloads under EEVDF and scx_simple in emulated machines that keep
// the host's time, beside a load of 4 of its own: two spinners, and compilations two at a time. Such a host may leave a verdict open, but it must
// never make one: a fail ends it with 1. A table on standard output, a line for each run on standard error. About two hours on two CPUs.
//   --runs N        of all cases together, in turns (default 120)
//   --duration S    of each scenario, seconds (default 5)
//   --topology T    default 1n2l2c1t
//   --kernel K      as of ktstr run; default: the newest in the cache that has sched_ext
//   --only NAME     a case whose name has this in it; may be repeated
//   --no-load       without the load
//   --out FILE      a JSON line for each run as it ends
import { appendFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { ktstr, Stopped, stop } from "../determinism/processes.mjs"
import { findExample } from "./example.mjs"
import { startLoad } from "./load.mjs"

const fail = (message) => {
  console.error(`busy: ${message}`)
  process.exit(64)
}
const text = { type: "string" }
const readArguments = () => {
  try {
    return parseArgs({
      options: {
        runs: text,
        duration: text,
        topology: text,
        kernel: text,
        only: { type: "string", multiple: true },
        "no-load": { type: "boolean", default: false },
        out: text
      }
    }).values
  } catch (error) {
    return fail(error.message)
  }
}
const values = readArguments()
const positive = (name, otherwise, valid) => {
  const value = values[name] === undefined ? otherwise : Number(values[name])
  return value > 0 && valid(value) ? value : fail(`--${name} is ${values[name]}`)
}
const runs = positive("runs", 120, Number.isInteger)
const duration = positive("duration", 5, Number.isFinite)
const topology = values.topology ?? "1n2l2c1t"
if (values.out !== undefined) writeFileSync(values.out, "")

const findScheduler = async () => {
  try {
    return await findExample("scx_simple", values.kernel)
  } catch (error) {
    console.error(`busy: ${error.message}`)
    process.exit(69)
  }
}
const { kernel, program } = await findScheduler()
const all = ["steady", "oversubscribed", "mixedWorkloads"].flatMap((scenario) => [
  { name: `${scenario} eevdf`, scenario, scheduler: [] },
  { name: `${scenario} scx_simple`, scenario, scheduler: ["--scheduler", program] }
])
const cases = all.filter(({ name }) => values.only === undefined || values.only.some((part) => name.includes(part)))
if (cases.length === 0)
  fail(`no case has --only ${values.only} in its name; there are ${all.map(({ name }) => name).join(", ")}`)

const began = Date.now()
const say = (line) => console.error(`[${((Date.now() - began) / 60_000).toFixed(1)} min] ${line}`)
const rows = new Map(
  cases.map(({ name }) => [name, { pass: 0, fail: 0, inconclusive: 0, skip: 0, lost: 0, delays: [] }])
)
/** Messages of failures and of runs without a result. */
const findings = []

const runOnce = async (one, n) => {
  const row = rows.get(one.name)
  const args = [
    ...["run", one.scenario, "-t", topology, "-d", String(duration), "--kernel", kernel, "--vmm", "qemu-tcg"],
    ...[...one.scheduler, "--format", "json"]
  ]
  let result
  try {
    result = await ktstr(args)
    // An interrupted run also prints JSON, but no result.
    if (interrupted) throw new Stopped("stopped")
    if (result.outcome === undefined) throw new Error(JSON.stringify(result))
  } catch (error) {
    if (error instanceof Stopped) throw error
    row.lost++
    findings.push(`${one.name}, run ${n}: no result: ${error.message}`)
    say(`${n}/${runs} ${one.name}: no result`)
    return
  }
  const { details, hostDelayMs, hostDelayShare, outcome } = result
  row[outcome]++
  if (hostDelayShare !== null) row.delays.push(hostDelayShare)
  if (outcome === "fail") findings.push(`${one.name}, run ${n}: ${details.join("; ")}`)
  if (values.out !== undefined) {
    appendFileSync(
      values.out,
      `${JSON.stringify({ n, case: one.name, outcome, details, hostDelayMs, hostDelayShare })}\n`
    )
  }
  const share = hostDelayShare === null ? "unknown" : `${Math.round(100 * hostDelayShare)}%`
  say(`${n}/${runs} ${one.name}: ${outcome}, host delay ${share}${details[0] === undefined ? "" : `: ${details[0]}`}`)
}

const percent = (shares) =>
  shares.length === 0
    ? "unknown"
    : `${Math.round((100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length)}%`

const load = values["no-load"] ? undefined : startLoad()
// The load ends with this process: its processes are stopped here, and stop by themselves if this process is killed.
process.once("exit", () => load?.stop())
let interrupted = false
const interrupt = () => {
  interrupted = true
  stop()
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, interrupt)
let whole = false
try {
  for (let n = 1; n <= runs; n++) await runOnce(cases[(n - 1) % cases.length], n)
  whole = true
} catch (error) {
  if (!(error instanceof Stopped)) throw error
  say("stopped")
} finally {
  stop()
  load?.stop()
}
console.log("| case | pass | fail | inconclusive | skip | no result | mean host delay |\n|---|---|---|---|---|---|---|")
const total = { pass: 0, fail: 0, inconclusive: 0, skip: 0, lost: 0 }
const line = (name, row, delay) =>
  console.log(`| ${[name, row.pass, row.fail, row.inconclusive, row.skip, row.lost, delay].join(" | ")} |`)
for (const [name, row] of rows) {
  line(name, row, percent(row.delays))
  for (const outcome of Object.keys(total)) total[outcome] += row[outcome]
}
line("all", total, percent([...rows.values()].flatMap(({ delays }) => delays)))
for (const finding of findings) console.log(`\n${finding}`)
process.exitCode = !whole || total.fail + total.lost + total.skip > 0 ? 1 : 0
