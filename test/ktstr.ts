// Runs the built command as a user would, and looks at what it leaves behind.
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root: string = fileURLToPath(new URL("..", import.meta.url))
export const bin: string = join(root, "cli/dist/bin.js")

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
  const env: Record<string, string | undefined> = { ...process.env, NO_COLOR: "1", ...options.env }
  for (const key of Object.keys(env)) if (env[key] === undefined) delete env[key]
  const began = Date.now()
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? root,
    env,
    stdio: ["ignore", "pipe", "pipe"]
  })
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

/** What ktstr could leave on this machine: qemu processes of ours, shared memory, temporary directories. */
export interface Leftovers {
  readonly processes: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
}

const ours = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith("ktstr-"))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

const qemus = (): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const exe = readlinkSync(`/proc/${pid}/exe`)
        if (!/qemu-system/.test(exe)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, 4).join(" ")}`]
      } catch {
        return []
      }
    })

/** Everything of ktstr's that is on this machine now. */
export const leftovers = (): Leftovers => ({
  processes: qemus(),
  files: [...ours("/dev/shm"), ...ours(tmpdir())]
})

/** What is there now and was not there `before`; waits up to `ms` for it to go away. */
export const newLeftovers = async (before: Leftovers, ms = 3_000): Promise<Leftovers> => {
  const until = Date.now() + ms
  for (;;) {
    const now = leftovers()
    const extra = {
      processes: now.processes.filter((process) => !before.processes.includes(process)),
      files: now.files.filter((file) => !before.files.includes(file))
    }
    if ((extra.processes.length === 0 && extra.files.length === 0) || Date.now() > until) return extra
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export const none: Leftovers = { processes: [], files: [] }
