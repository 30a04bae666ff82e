// A command on a terminal of its own, by script(1): what a user at a keyboard would see and type.
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bin, environment } from "./ktstr.ts"

export interface TerminalSession {
  /** Resolves with what came up to `text`, which is then behind; rejects when the command ends first or after `ms`. */
  readonly sees: (text: string, ms?: number) => Promise<string>
  readonly types: (keys: string) => void
  /** As a window manager would. */
  readonly resizes: (rows: number, columns: number) => void
  /** Sends a signal to ktstr itself. */
  readonly signal: (name: NodeJS.Signals) => void
  /** When all is over: ktstr's exit code, and the terminal's settings before and after. */
  readonly ended: Promise<{ readonly code: number; readonly before: string; readonly after: string }>
}

/** Runs `ktstr ARGS` on a terminal of 41 rows and 107 columns. */
export const onTerminal = (args: ReadonlyArray<string>): TerminalSession =>
  commandOnTerminal([process.execPath, bin, ...args])

/** Runs a command on such a terminal. */
export const commandOnTerminal = (command: ReadonlyArray<string>): TerminalSession => {
  const folder = mkdtempSync(join(tmpdir(), "test-terminal-"))
  const script = join(folder, "session.sh")
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")
  writeFileSync(
    script,
    [
      "stty rows 41 cols 107",
      `tty > ${folder}/tty`,
      `stty -a > ${folder}/before`,
      `sh -c 'echo $$ > ${folder}/pid; exec "$@"' sh ${quoted}`,
      `echo $? > ${folder}/code`,
      `stty -a > ${folder}/after`
    ].join("\n")
  )
  const child = spawn("script", ["-qec", `sh ${script}`, "/dev/null"], {
    env: environment({ TERM: "xterm", SHELL: "/bin/sh" }),
    stdio: ["pipe", "pipe", "inherit"]
  })
  let seen = ""
  let over = false
  let look = () => {}
  child.stdout.on("data", (chunk) => {
    seen += chunk
    look()
  })
  const read = (name: string) => readFileSync(join(folder, name), "utf8")
  const ended = new Promise<{ code: number; before: string; after: string }>((resolve, reject) => {
    child.on("close", () => {
      over = true
      look()
      try {
        resolve({ code: Number(read("code")), before: read("before"), after: read("after") })
      } catch {
        reject(new Error(`the terminal's session did not come to its end; it showed:\n${seen}`))
      }
      rmSync(folder, { recursive: true, force: true })
    })
  })
  return {
    sees: (text, ms = 90_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${JSON.stringify(text)} was not seen in ${seen}`)), ms)
        look = () => {
          const at = seen.indexOf(text)
          if (at < 0 && !over) return
          look = () => {}
          clearTimeout(timer)
          if (at < 0) return reject(new Error(`ktstr ended before ${JSON.stringify(text)} was seen in ${seen}`))
          resolve(seen.slice(0, at + text.length))
          seen = seen.slice(at + text.length)
        }
        look()
      }),
    resizes: (rows, columns) =>
      void spawnSync("stty", ["-F", read("tty").trim(), "rows", String(rows), "cols", String(columns)]),
    types: (keys) => void child.stdin.write(keys),
    signal: (name) => void process.kill(Number(read("pid")), name),
    ended
  }
}
