// Runs the built command as a user would, and keeps the outcomes.
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../../cli/dist/bin.js", import.meta.url))

/** The part of a result that a table shows. */
export interface Row {
  readonly scenario: string
  readonly outcome: string
  /** Why, most important first. */
  readonly details: ReadonlyArray<string>
  readonly attachMs: number | null
  /** What the kernel said when it ended the scheduler. */
  readonly kernelReason: string | null
  readonly hasDump: boolean
}

export interface RunSpec {
  readonly scenarios: ReadonlyArray<string>
  readonly topology: string
  readonly kernel: string
  readonly scheduler: string
  readonly schedulerArgs?: string
  readonly seconds: number
  /** Seconds after which a worker that is stuck ends the scheduler; 0: only the kernel does. Default: ktstr's. */
  readonly watchdog?: number
  /** Further words of the command line. */
  readonly options?: ReadonlyArray<string>
}

interface Result {
  readonly scenario: string
  readonly outcome: string
  readonly details: ReadonlyArray<string>
  readonly schedulerReport?: {
    readonly attachMs: number | null
    readonly kernelReason: string | null
    readonly dump?: ReadonlyArray<string> | string | null
  } | null
}

const rowOf = (result: Result): Row => ({
  scenario: result.scenario,
  outcome: result.outcome,
  details: result.details,
  attachMs: result.schedulerReport?.attachMs ?? null,
  kernelReason: result.schedulerReport?.kernelReason ?? null,
  hasDump: (result.schedulerReport?.dump?.length ?? 0) > 0
})

/** Runs the scenarios one after the other in a machine each. */
export const runScenarios = async (spec: RunSpec): Promise<ReadonlyArray<Row>> => {
  const args = [
    "run",
    ...spec.scenarios,
    ...["--topology", spec.topology, "--kernel", spec.kernel, "--scheduler", spec.scheduler],
    ...(spec.schedulerArgs === undefined ? [] : ["--sched-args", spec.schedulerArgs]),
    ...(spec.watchdog === undefined ? [] : ["--watchdog", String(spec.watchdog)]),
    ...(spec.options ?? []),
    ...["--duration", String(spec.seconds), "--format", "json"]
  ]
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let out = ""
  let err = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err = (err + text).slice(-4096)
  })
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  try {
    const parsed = JSON.parse(out) as Result | { readonly runs: ReadonlyArray<Result> }
    return ("runs" in parsed ? parsed.runs : [parsed]).map(rowOf)
  } catch {
    throw new Error(`ktstr ${args.join(" ")} ended with ${code}: ${err.trim().split("\n").at(-1)}`)
  }
}
