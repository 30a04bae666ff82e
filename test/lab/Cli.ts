// npm run lab -- [--timeout S] [--memory MB] [--cpus N] [--console] CMD ARGS…
import { constants } from "node:os"
import { startLevel1 } from "./Level1.ts"

const usage = "usage: npm run lab -- [--timeout SECONDS] [--memory MB] [--cpus N] [--console] COMMAND [ARGUMENTS]"

const exit = { usage: 64, machine: 70, timedOut: 124 } as const

const stop = (message: string, code: number): never => {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

const numbers = { "--timeout": 0, "--memory": 0, "--cpus": 0 }
let console = false
const args = process.argv.slice(2)
while (args[0]?.startsWith("-") === true) {
  const option = args.shift() ?? ""
  if (option === "--console") console = true
  else if (option in numbers) {
    const value = Number(args.shift())
    if (!(value > 0)) stop(`lab: ${option} needs a number above 0\n${usage}`, exit.usage)
    numbers[option as keyof typeof numbers] = value
  } else if (option === "--") break
  else stop(`lab: unknown option ${option}\n${usage}`, exit.usage)
}
if (args.length === 0) stop(usage, exit.usage)

const level1 = await startLevel1({
  ...(numbers["--memory"] > 0 ? { memoryMb: numbers["--memory"] } : {}),
  ...(numbers["--cpus"] > 0 ? { cpus: numbers["--cpus"] } : {}),
  ...(console ? { onConsole: (text: string) => process.stderr.write(text) } : {})
}).catch((error: Error) => stop(`lab: ${error.message}`, exit.machine))

/** After a signal the command has this long to end by itself; a second signal ends the machine at once. */
const graceMs = 5_000

const finish = async (code: number): Promise<never> => {
  await level1.stop()
  // Pipes may still hold what was written.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write("", done))))
  process.exit(code)
}

// A reader that has gone (`| head`) is no reason to fail.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})

try {
  const result = await level1.run(args, {
    ...(numbers["--timeout"] > 0 ? { timeoutMs: numbers["--timeout"] * 1000 } : {}),
    discard: true,
    onOutput: (stream, data) => process[stream].write(data),
    onStart: (signal) => {
      let asked = false
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(name, () => {
          if (asked) return finish(128 + constants.signals[name])
          asked = true
          signal(name)
          return setTimeout(() => finish(128 + constants.signals[name]), graceMs)
        })
      }
    }
  })
  if (result.timedOut)
    process.stderr.write(`lab: ${args[0]} did not end within ${numbers["--timeout"]} s and was killed\n`)
  await finish(result.timedOut ? exit.timedOut : result.code)
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`)
  await finish(exit.machine)
}
