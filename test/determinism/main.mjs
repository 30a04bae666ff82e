// `npm run determinism [same|seeds|race|plain|fork …]`: the claims of docs/deterministic.md, measured. Tables on standard output, a line for
// each run on standard error. About 45 min for all on two free CPUs.
//   --out FILE    a JSON line for each run as it ends; replay files lie in FILE.replays
//   --resume      goes on with FILE: what it has is not measured again
//   --runs N      how often each case of `same` and of `fork` is run (default 10 and 80)
//   --other-kernel K   two more cases of `fork`, on this kernel
//   --seeds N     how many seeds `seeds` runs (default 50) and `race` at most (default 300)
//   --times N     replays of each file of `race`, and runs of `plain` (default 20 and 100)
//   --jobs N      machines at a time (default 2)
//   --duration S  of each scenario, virtual seconds (default 1)
//   --case C      of `race` and `plain`: spin (default), the fixture's race with workers that spin, or sleep, which shows it far more often
//   --kernel K    as of ktstr run
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { anotherDate, inParallel, ktstr, root, Stopped, script, stop, underLoad } from "./processes.mjs"
import { openRecord } from "./record.mjs"

const text = { type: "string" }
const flag = { type: "boolean", default: false }
const options = {
  runs: text,
  seeds: text,
  times: text,
  jobs: text,
  duration: text,
  kernel: text,
  case: text,
  "other-kernel": text,
  out: text
}
const fail = (message) => {
  console.error(`determinism: ${message}`)
  process.exit(64)
}
const readArguments = () => {
  try {
    return parseArgs({ allowPositionals: true, options: { ...options, resume: flag } })
  } catch (error) {
    return fail(error.message)
  }
}
const { positionals, values } = readArguments()
const count = (name, otherwise) => {
  const value = values[name] === undefined ? otherwise : Number(values[name])
  return value > 0 && (name === "duration" || Number.isInteger(value)) ? value : fail(`--${name} is ${values[name]}`)
}
const jobs = count("jobs", 2)
const seconds = String(count("duration", 1))
const kernel = values.kernel === undefined ? [] : ["--kernel", values.kernel]
const out = values.out === undefined ? undefined : resolve(values.out)
const began = Date.now()
// Another folder to start from, and, without --out, where replay files go.
const elsewhere = mkdtempSync(join(tmpdir(), "ktstr-determinism-"))
process.once("exit", () => rmSync(elsewhere, { recursive: true, force: true }))
const replays = out === undefined ? elsewhere : `${out}.replays`

const open = () => {
  try {
    return openRecord(out, values.resume, { duration: seconds, kernel: values.kernel ?? null })
  } catch (error) {
    return fail(error.message)
  }
}
const record = open()

const clock = () => `${((Date.now() - began) / 60_000).toFixed(1)} min`
const say = (line) => console.error(`[${clock()}] ${line}`)
const distinct = (list) => [...new Set(list)]

/** Claims that did not hold. */
const broken = []
const claim = (holds, what) => {
  if (!holds) broken.push(what)
}

/** Counts and times the runs of a part for its lines. */
const progress = (part, total) => {
  let done = 0
  return (what) => say(`${part} ${++done}/${total} · ${what}`)
}

/** What a record keeps of a run's result. */
const summary = ({ outcome, details, determinism }) => ({
  outcome,
  detail: details[0] ?? null,
  eventHash: determinism?.eventHash ?? null,
  scheduleHash: determinism?.scheduleHash ?? null
})

/** Measures what the record lacks. A run without a result is reported but not kept: it is repeated when the measurement is resumed. */
const measured = async (id, tell, run, describe) => {
  const before = record.get(id)
  if (before !== undefined) {
    tell(`${describe(before)} (measured before)`)
    return before
  }
  const from = Date.now()
  try {
    const entry = { id, ...(await run()), seconds: (Date.now() - from) / 1000, date: new Date().toISOString() }
    record.add(entry)
    tell(`${describe(entry)} · ${entry.seconds.toFixed(1)} s`)
    return entry
  } catch (error) {
    if (error instanceof Stopped) throw error
    tell(`${id}: no result: ${error.message}`)
    broken.push(`${id} gave no result`)
    return undefined
  }
}

const present = (entries) => entries.filter((entry) => entry !== undefined)
const short = (hash) => (hash === null ? "no hash" : hash.slice(0, 16))
const runJson = async (args, where) => summary(await ktstr([...args, "--format", "json", ...kernel], where))
const deterministic = (seed) => ["--clock", "deterministic", "--seed", String(seed)]
const fixture = ["--scheduler", join(root, "native/bpf/build/scx_ktstr")]
const raceCases = {
  spin: [],
  sleep: ["-w", "4", "--work-type", "Bursty:burst=1ms,sleep=1ms"]
}
const raceCase = values.case ?? "spin"
if (!Object.hasOwn(raceCases, raceCase)) fail(`--case is ${raceCase}; there are ${Object.keys(raceCases).join(", ")}`)
const racing = ["-t", "1n2l2c1t", "-d", seconds, ...raceCases[raceCase], ...fixture, "--sched-args", "--race"]

/** The circumstances of `same`; `at`: machines at a time. */
const idle = { name: "idle host", at: 1, where: {} }
const busy = { name: "both CPUs busy", at: jobs, where: {}, loaded: true }
const folder = { name: "another folder", at: jobs, where: { cwd: elsewhere } }
const date = { name: "another date", at: jobs, where: { env: anotherDate } }
const circumstances = [idle, busy, folder, ...(anotherDate === undefined ? [] : [date])]

/** Which circumstances the runs of a case are made in. */
const turns = (runs) => {
  const order = [...circumstances, ...circumstances, idle, busy]
  return Array.from({ length: runs }, (_, n) => order[n % order.length])
}

/** Same seed, again and again. */
const same = async () => {
  const cases = ["steady", "oversubscribed", "cgroupAdd", "cpusetApply"].flatMap((scenario) =>
    ["eevdf", "scx_ktstr"].flatMap((scheduler) =>
      ["1n2l2c1t", "2n4l2c1t"].map((topology) => ({ scenario, scheduler, topology }))
    )
  )
  const planned = turns(count("runs", 10))
  const tell = progress("same", cases.length * planned.length)
  if (anotherDate === undefined) say("same: nothing at another date: this host has no faketime (apt install faketime)")
  const rows = []
  for (const { scenario, scheduler, topology } of cases) {
    const args = [
      ...["run", scenario, "-t", topology, "-d", seconds, ...deterministic(1)],
      ...(scheduler === "eevdf" ? [] : fixture)
    ]
    const entries = []
    for (const { name, at, where, loaded } of circumstances) {
      const tasks = planned
        .filter((one) => one.name === name)
        .map((_, n) => () => {
          const id = `same ${scenario} ${scheduler} ${topology} ${name} ${n + 1}`
          return measured(
            id,
            tell,
            () => runJson(args, where),
            ({ outcome, eventHash }) =>
              `${scenario}, ${scheduler}, ${topology}, ${name}: ${outcome} ${short(eventHash)}`
          )
        })
      const run = () => inParallel(at, tasks)
      entries.push(...present(await (loaded && tasks.length > 0 ? underLoad(run) : run())))
    }
    const hashes = distinct(entries.map(({ eventHash }) => eventHash))
    const outcomes = distinct(entries.map(({ outcome }) => outcome))
    claim(hashes.length === 1 && hashes[0] !== null, `${scenario}, ${scheduler}, ${topology}: ${hashes.length} hashes`)
    rows.push([scenario, scheduler, topology, entries.length, outcomes.join(", "), hashes.map(short).join(", ")])
  }
  console.log(`\n| scenario | scheduler | topology | runs | outcomes | event hashes |\n|---|---|---|---|---|---|`)
  for (const row of rows) console.log(`| ${row.join(" | ")} |`)
  const used = circumstances.filter(({ name }) => planned.some((one) => one.name === name))
  const shares = used.map(({ name }) => `${planned.filter((one) => one.name === name).length} ${name}`)
  console.log(`\nof each case: ${shares.join(", ")}`)
}

/** Distinct schedules among the seeds of one scenario. */
const seeds = async () => {
  const most = count("seeds", 50)
  const tell = progress("seeds", most)
  const tasks = Array.from({ length: most }, (_, n) => () => {
    const args = ["run", "steady", "-t", "1n2l2c1t", "-d", seconds, ...deterministic(n + 1)]
    const describe = ({ outcome, scheduleHash }) => `seed ${n + 1}: ${outcome}, schedule ${short(scheduleHash)}`
    return measured(`seeds ${n + 1}`, tell, () => runJson(args), describe)
  })
  const entries = present(await inParallel(jobs, tasks)).filter(({ scheduleHash }) => scheduleHash !== null)
  const schedules = distinct(entries.map(({ scheduleHash }) => scheduleHash)).length
  claim(schedules >= 0.9 * most, `${schedules} distinct schedules of ${most} seeds`)
  console.log(`\nsteady, seeds 1 to ${most}: ${schedules} distinct schedules of ${entries.length} runs`)
}

/** Explores; every seed's line is kept, and what is known already is not run again. */
const found = async (most) => {
  const entryOf = (seed) => record.get(`race ${raceCase} seed ${seed}`)
  let first = 1
  while (first <= most && entryOf(first)?.failed === false) first++
  if (first > most) return undefined
  const earlier = Math.max(0, ...Array.from({ length: first }, (_, n) => entryOf(n + 1)?.elapsed ?? 0))
  const from = Date.now()
  const tell = progress(`race (${raceCase})`, most - first + 1)
  const range = ["--seeds", entryOf(first)?.failed ? `${first}..${first}` : `${first}..${most}`]
  const args = ["explore", "steady", "--until-fail", "--json", "--output", replays, "-j", String(jobs), ...racing]
  const onLine = (line) => {
    const seed = /^seed (\d+): (.+) · \d+ of \d+ · /.exec(line)
    if (seed === null) return say(line)
    const elapsed = earlier + (Date.now() - from) / 1000
    const failed = seed[2].startsWith("fail")
    const entry = { id: `race ${raceCase} seed ${seed[1]}`, outcome: seed[2], failed, elapsed }
    if (entryOf(Number(seed[1])) === undefined) record.add(entry)
    tell(`seed ${seed[1]}: ${seed[2]}`)
  }
  const { failures, kept } = await ktstr([...args, ...range, ...kernel], { onLine })
  if (failures.length === 0) return undefined
  const [{ seed, file, shrunk }] = kept
  return { seed, detail: failures[0].details[0], file, shrunk, whole: earlier + (Date.now() - from) / 1000 }
}

/** The race of the fixture scheduler: found, replayed, made smaller, replayed. */
const race = async () => {
  const most = count("seeds", 300)
  const id = `race ${raceCase} found`
  const said = (line) => say(`race (${raceCase}): ${line}`)
  const describe = ({ none, seed, detail }) => (none ? `no failure among ${most} seeds` : `seed ${seed}: ${detail}`)
  const find = async () => (await found(most)) ?? { none: true }
  const first = await measured(id, said, find, describe)
  if (first === undefined || first.none) {
    claim(first === undefined, `no failure among ${most} seeds`)
    console.log(`\nrace (${raceCase}): no failure among ${most} seeds`)
    return
  }
  const { elapsed } = record.get(`race ${raceCase} seed ${first.seed}`)
  const { whole } = first
  claim(whole <= 1800, `finding the race took ${(whole / 60).toFixed(1)} min`)
  console.log(
    `\nrace (${raceCase}): found with seed ${first.seed} after ${(elapsed / 60).toFixed(1)} min, smaller ones tried until ${(whole / 60).toFixed(1)} min: ${first.detail}`
  )
  const times = count("times", 20)
  const files = [
    ["as found", first.file],
    ["smallest", first.shrunk?.file]
  ].filter(([, file]) => file !== undefined)
  const tell = progress(`replays (${raceCase})`, files.length * times)
  for (const [what, file] of files) {
    const tasks = Array.from({ length: times }, (_, n) => () => {
      const run = async () => {
        const { eventHash, runs } = await ktstr(["replay", file, "--json", ...kernel])
        return { matched: runs[0].eventHash === eventHash, eventHash: runs[0].eventHash, outcome: runs[0].outcome }
      }
      return measured(`race ${raceCase} replay ${what} ${n + 1}`, tell, run, (entry) => {
        return `${what}: ${entry.matched ? "the same run" : "ANOTHER run"}, ${entry.outcome} ${short(entry.eventHash)}`
      })
    })
    const entries = present(await inParallel(jobs, tasks))
    const matched = entries.filter((entry) => entry.matched).length
    claim(matched === times, `${matched} of ${times} replays of the race (${what}) matched`)
    console.log(`replayed ${what}: ${matched} of ${times} the same run`)
  }
  if (first.shrunk) console.log(`smallest: ${JSON.stringify(first.shrunk.case)}, seed ${first.shrunk.seed}`)
}

const forkedCases = [
  ...["steady", "cgroupAdd", "sleepers"].flatMap((what) =>
    ["eevdf", "scx_ktstr"].flatMap((scheduler) =>
      ["1n2l2c1t", "2n4l2c1t"].map((topology) => ({ what, scheduler, topology, kernel: values.kernel }))
    )
  ),
  ...(values["other-kernel"] === undefined
    ? []
    : ["steady", "cgroupAdd"].map((what) => ({
        what,
        scheduler: "scx_ktstr",
        topology: "1n2l2c1t",
        kernel: values["other-kernel"]
      })))
]

/** Forked runs against the run from a boot, on an idle and on a busy host. */
const fork = async () => {
  const runs = count("runs", 80)
  const tell = progress("fork", forkedCases.length * (2 * Math.ceil(runs / 2) + 1))
  const rows = []
  for (const { what, scheduler, topology, kernel } of forkedCases) {
    const request = {
      scenario: what === "sleepers" ? "steady" : what,
      ...(what === "sleepers" ? { workType: ["Bursty", { burst: "1ms", sleep: "1ms" }] } : {}),
      scheduler: scheduler === "eevdf" ? null : fixture[1],
      topology,
      seconds: Number(seconds),
      seed: 1,
      ...(kernel === undefined ? {} : { kernel })
    }
    const name = `${what}, ${scheduler}, ${topology}${kernel === undefined ? "" : `, ${kernel}`}`
    const made = (how, times, options) => forkedRuns(`fork ${name} ${how}`, tell, { ...request, ...options }, times)
    const [boot] = await made("boot", 1, { fork: false, jobs: 1 })
    const half = Math.ceil(runs / 2)
    const entries = [
      ...(await made("idle host", half, { fork: true, jobs })),
      ...(await underLoad(() => made("both CPUs busy", half, { fork: true, jobs })))
    ]
    const equal = entries.filter(({ eventHash }) => eventHash === boot?.eventHash).length
    claim(
      boot !== undefined && equal === 2 * half,
      `${name}: ${equal} of ${2 * half} forked runs are the run from a boot`
    )
    rows.push([name, boot?.outcome, short(boot?.eventHash ?? null), `${equal} of ${2 * half}`])
  }
  console.log(`\n| case | outcome | event hash of a boot | forked runs with it |\n|---|---|---|---|`)
  for (const row of rows) console.log(`| ${row.join(" | ")} |`)
}

/** So many runs of a case by one process; what the record has is not made again. */
const forkedRuns = async (id, tell, request, times) => {
  const known = Array.from({ length: times }, (_, n) => record.get(`${id} ${n + 1}`)).filter(
    (entry) => entry !== undefined
  )
  for (const { outcome, eventHash } of known) tell(`${id}: ${outcome} ${short(eventHash)} (measured before)`)
  const entries = [...known]
  if (known.length === times) return entries
  const onLine = (line) => {
    const entry = { id: `${id} ${entries.length + 1}`, ...JSON.parse(line), date: new Date().toISOString() }
    entries.push(entry)
    record.add(entry)
    tell(`${id}: ${entry.outcome} ${short(entry.eventHash)} · ${(entry.ms / 1000).toFixed(1)} s`)
  }
  try {
    await script("forks.mjs", { ...request, runs: times - known.length }, onLine)
  } catch (error) {
    if (error instanceof Stopped) throw error
    broken.push(`${id}: ${error.message}`)
  }
  return entries
}

/** The same test on plain emulation, where runs can't be repeated. */
const plain = async () => {
  const runs = count("times", 100)
  const args = ["run", "steady", "--vmm", "qemu-tcg", ...racing]
  const tell = progress(`plain (${raceCase})`, runs)
  const tasks = Array.from({ length: runs }, (_, n) => () => {
    const describe = ({ outcome, detail }) => (detail === null ? outcome : `${outcome}: ${detail}`)
    return measured(`plain ${raceCase} ${n + 1}`, tell, () => runJson(args), describe)
  })
  const entries = present(await inParallel(jobs, tasks))
  const raced = entries.filter(({ detail }) => detail?.includes("longer than it has been there")).length
  const failed = entries.filter(({ outcome }) => outcome === "fail").length
  console.log(
    `\nplain emulation (${raceCase}): the race showed in ${raced} of ${entries.length} runs; ${failed} failed in all`
  )
}

const parts = { same, seeds, race, plain, fork }
const unknown = positionals.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) fail(`there is no part ${unknown}; there are ${Object.keys(parts).join(", ")}`)
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop)
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) await parts[name]()
  for (const what of broken) console.log(`NOT SO: ${what}`)
  process.exitCode = broken.length > 0 ? 1 : 0
} catch (error) {
  if (!(error instanceof Stopped)) throw error
  say(`stopped${out === undefined ? "" : `: go on with --out ${values.out} --resume`}`)
  process.exitCode = 1
} finally {
  stop()
}
