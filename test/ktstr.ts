// Runs the built command as a user would, and looks at what it leaves behind.
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root: string = fileURLToPath(new URL("..", import.meta.url))
export const bin: string = join(root, "cli/dist/bin.js")

/** What everything that these tests start carries in its environment, and the only place it may put temporary files. */
const mark = `KTSTR_TEST_MARK=${randomUUID()}`
let folder: string | undefined
/** Made on first use, below the folder that prepare.ts makes and removes, because test workers are killed. */
const temporary = (): string => {
  folder ??= mkdtempSync(join(process.env.KTSTR_TEST_TMP ?? tmpdir(), "test-ktstr-"))
  return folder
}
const startedPids = new Set<number>()

/** The environment of a command under test. */
export const environment = (changes: Record<string, string | undefined> = {}): Record<string, string> => {
  const [name, value] = mark.split("=") as [string, string]
  // Nothing listens there: requests to kernel.org that no test expects fail.
  const offline = { KTSTR_KERNEL_ORG: process.env.KTSTR_KERNEL_ORG ?? "http://127.0.0.1:9" }
  const env = { ...process.env, ...offline, NO_COLOR: "1", TMPDIR: temporary(), [name]: value, ...changes }
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export interface Started {
  readonly child: ChildProcess
  /** Resolves when stderr has shown `text`; rejects when the command ends first. */
  readonly shows: (text: string | RegExp) => Promise<void>
  readonly ended: Promise<Ended>
}

export interface Options {
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Record<string, string | undefined>
  readonly cwd?: string
  /** Milliseconds after which the command is killed and its end reported as such. Default 100 s. */
  readonly deadlineMs?: number
}

/** Starts `ktstr ARGS`. */
export const start = (args: ReadonlyArray<string>, options: Options = {}): Started => {
  const began = Date.now()
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? root,
    env: environment(options.env),
    stdio: ["ignore", "pipe", "pipe"]
  })
  if (child.pid !== undefined) startedPids.add(child.pid)
  let stdout = ""
  let stderr = ""
  const watchers = new Set<() => void>()
  child.stdout.on("data", (chunk) => {
    stdout += chunk
  })
  child.stderr.on("data", (chunk) => {
    stderr += chunk
    for (const watcher of watchers) watcher()
  })
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs ?? 100_000)
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr, ms: Date.now() - began })
      for (const watcher of watchers) watcher()
    })
  })
  const shows = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (typeof text === "string" ? stderr.includes(text) : text.test(stderr)) {
          watchers.delete(look)
          resolve()
        } else if (child.exitCode !== null || child.signalCode !== null) {
          watchers.delete(look)
          reject(new Error(`ktstr ended before it showed ${text}; it said:\n${stderr}`))
        }
      }
      watchers.add(look)
      look()
    })
  return { child, shows, ended }
}

/** Runs `ktstr ARGS` to its end. */
export const ktstr = (args: ReadonlyArray<string>, options: Options = {}): Promise<Ended> => start(args, options).ended

/** What the commands started here left on this machine: processes, shared memory, temporary files. */
export interface Leftovers {
  readonly processes: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
}

const processes = (): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, 4).join(" ")}`]
      } catch {
        return []
      }
    })

const files = (): ReadonlyArray<string> => [
  ...readdirSync(temporary()).map((name) => join(temporary(), name)),
  ...readdirSync("/dev/shm")
    .filter((name) => startedPids.has(Number(/^ktstr-(\d+)/.exec(name)?.[1])))
    .map((name) => join("/dev/shm", name))
]

/** What is left now; waits up to `ms` for it to go away. */
export const leftovers = async (ms = 3_000): Promise<Leftovers> => {
  const until = Date.now() + ms
  for (;;) {
    const now = { processes: processes(), files: files() }
    if ((now.processes.length === 0 && now.files.length === 0) || Date.now() > until) return now
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export const none: Leftovers = { processes: [], files: [] }

/** Returns the standard error of `ktstr explore` without the lines that it prints after each ten seconds of silence. */
export const withoutWaits = (stderr: string): string => stderr.replaceAll(/^.* · \d+ of \d+ seeds done\n/gm, "")
