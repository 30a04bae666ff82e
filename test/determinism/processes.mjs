// The processes of the measurement: ktstr, and what keeps the host busy. All end with this one.
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))
const bin = join(root, "cli/dist/bin.js")
const children = new Set()
let stopped = false

/** The measurement was asked to end: nothing more is started. */
export class Stopped extends Error {}

const start = (args, { cwd = root, env = process.env } = {}) => {
  if (stopped) throw new Stopped("stopped")
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  children.add(child)
  child.once("close", () => children.delete(child))
  return child
}

/** Ends what runs; ktstr takes its machines with it. */
export const stop = () => {
  stopped = true
  for (const child of children) child.kill("SIGTERM")
}

/** Runs ktstr; returns its standard output as JSON. `onLine` has each line of standard error. */
export const ktstr = (args, { cwd, env, onLine = () => undefined } = {}) =>
  new Promise((resolve, reject) => {
    const child = start([bin, ...args], { cwd, env })
    let stdout = ""
    let stderr = ""
    let rest = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
      const lines = `${rest}${chunk}`.split("\n")
      rest = lines.pop()
      for (const line of lines) onLine(line)
    })
    child.once("close", (code) => {
      try {
        resolve(JSON.parse(stdout))
      } catch {
        const said = `${stderr}${stdout}`.trim().slice(-500)
        reject(stopped ? new Stopped("stopped") : new Error(`ktstr ${args.join(" ")} ended with ${code}: ${said}`))
      }
    })
  })

/** Runs a script of this folder with one JSON argument. `onLine` has each line of standard output. */
export const script = (name, argument, onLine) =>
  new Promise((resolve, reject) => {
    const child = start([join(root, "test/determinism", name), JSON.stringify(argument)])
    let stderr = ""
    let rest = ""
    child.stdout.on("data", (chunk) => {
      const lines = `${rest}${chunk}`.split("\n")
      rest = lines.pop()
      for (const line of lines) if (line.startsWith("{")) onLine(line)
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.once("close", (code) => {
      if (code === 0) resolve()
      else
        reject(stopped ? new Stopped("stopped") : new Error(`${name} ended with ${code}: ${stderr.trim().slice(-300)}`))
    })
  })

/** A spinner that outlives this process looks at its parent and ends. */
const spin = "const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 3e8; i++);"

/** Keeps two CPUs busy while `body` runs. */
export const underLoad = async (body) => {
  const spinners = [start(["-e", spin]), start(["-e", spin])]
  try {
    return await body()
  } finally {
    for (const spinner of spinners) spinner.kill("SIGKILL")
  }
}

/** Runs `tasks` in order, a number of them at a time; returns their results. */
export const inParallel = async (jobs, tasks) => {
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

/** Debian's faketime, wherever its architecture has it. */
const findDateLibrary = () => {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib") : []
  return folders.map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`).find((file) => existsSync(file))
}

const dateLibrary = findDateLibrary()

/**
 * An environment in which all programs, the emulator too, see a date 400 days on; undefined: the host has no faketime. The monotonic clock
 * and the dates of files stay.
 */
export const anotherDate =
  dateLibrary === undefined
    ? undefined
    : {
        ...process.env,
        LD_PRELOAD: dateLibrary,
        FAKETIME: "+400d",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        NO_FAKE_STAT: "1"
      }
