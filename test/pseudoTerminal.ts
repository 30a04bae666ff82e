// Runs a command on its own terminal with script(1): what a user at a keyboard would see and type.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
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
  /** As a window that is closed does, with whatever runs in it; resolves with ktstr's exit code. */
  readonly closes: () => Promise<number>
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
      // The session outlives its terminal and a Ctrl-C, to tell the code.
      "trap : HUP INT",
      "stty rows 41 cols 107",
      `tty > ${folder}/tty`,
      `stty -a > ${folder}/before`,
      `sh -c 'echo $$ > ${folder}/pid; exec "$@"' sh ${quoted}`,
      `echo $? > ${folder}/code.new; mv ${folder}/code.new ${folder}/code`,
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
  let closing = false
  const ended = new Promise<{ code: number; before: string; after: string }>((resolve, reject) => {
    child.on("close", () => {
      over = true
      look()
      if (closing) return
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
    closes: async () => {
      closing = true
      child.kill("SIGKILL")
      for (const until = Date.now() + 20_000; !existsSync(join(folder, "code")) && Date.now() < until; ) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const code = Number(read("code"))
      rmSync(folder, { recursive: true, force: true })
      return code
    },
    ended
  }
}

/** Runs a script in a bash with job control on its own terminal, where `$KTSTR` is the command; returns the screen's text. */
export const inJobShell = (script: string, ms = 90_000): Promise<string> =>
  new Promise((resolve, reject) => {
    const folder = mkdtempSync(join(tmpdir(), "test-terminal-"))
    const file = join(folder, "session.sh")
    writeFileSync(file, `set -m\n${script}\n`)
    const child = spawn("script", ["-qec", `bash ${file}`, "/dev/null"], {
      env: environment({ TERM: "xterm", SHELL: "/bin/sh", KTSTR: `${process.execPath} ${bin}` }),
      stdio: ["pipe", "pipe", "inherit"]
    })
    let seen = ""
    child.stdout.on("data", (chunk) => {
      seen += chunk
    })
    const timer = setTimeout(() => child.kill("SIGKILL"), ms)
    child.on("close", (code) => {
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true })
      if (code === 0) resolve(seen)
      else reject(new Error(`the shell's session did not come to its end (${code}); it showed:\n${seen}`))
    })
  })
