// docs/schedulers.md: each way in which the fixture can misbehave, and ktstr's verdict on it.
import { runScenarios } from "./Runs.ts"
import type { TestedKernel } from "./Table.ts"
import { quoted, table } from "./TableText.ts"

/** A knob with the run in which it shows. */
interface Knob {
  readonly options: string
  readonly scenario?: string
  readonly topology?: string
  readonly seconds?: number
  readonly watchdog?: number
  readonly checks?: ReadonlyArray<string>
}

const knobs: ReadonlyArray<Knob> = [
  { options: "--refuse-verify" },
  { options: "--verify-loop" },
  { options: "--slow-start 2" },
  { options: "--slow-start 90" },
  { options: "--exit-after 1" },
  { options: "--exit-after 1 --exit-code 3" },
  { options: "--error-after 1" },
  { options: "--stall-after 1", seconds: 8 },
  { options: "--stall-after 1 --watchdog-ms 2000", seconds: 8, watchdog: 0 },
  { options: "--degrade 200", seconds: 3.8, checks: ["--max-gap-ms", "250"] },
  { options: "--one-cpu 0 --slice-us 100000", seconds: 2, checks: ["--max-gap-ms", "150"] },
  { options: "--starve cg_1", seconds: 1.8, checks: ["--max-gap-ms", "1000"] },
  { options: "--ignore-cpusets", scenario: "cpusetApply", topology: "1n2l2c1t" },
  {
    options: "--widen-cpusets",
    scenario: "steadyLlc",
    topology: "1n2l2c1t",
    seconds: 2,
    checks: ["--isolation"]
  }
]

/** No two knobs may have the same verdict, which would not distinguish them. */
const checkDistinct = (lines: ReadonlyArray<string>): void => {
  const words = lines.map((line) => line.replaceAll(/\d+(\.\d+)?/g, "#"))
  const twice = words.findIndex((line, at) => words.indexOf(line) !== at)
  if (twice >= 0) throw new Error(`two knobs have the same first line: ${lines[twice]}`)
}

/** All knobs on every kernel, with the first line of what each run comes to. */
export const knobTable = async (
  kernels: ReadonlyArray<TestedKernel>,
  program: string,
  say: (text: string) => void
): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const { entry } of kernels) {
    const lines: Array<string> = []
    for (const { checks = [], options, scenario = "steady", seconds = 3, topology = "1n1l2c1t", watchdog } of knobs) {
      const [result] = await runScenarios({
        scenarios: [scenario],
        topology,
        kernel: entry.key,
        scheduler: program,
        schedulerArgs: options,
        seconds,
        options: checks,
        ...(watchdog === undefined ? {} : { watchdog })
      })
      const attached = result?.attachMs == null ? "" : `attached in ${Math.round(result.attachMs)} ms`
      const line = result?.details[0] ?? attached
      const asked = [scenario, ...checks, ...(watchdog === undefined ? [] : ["--watchdog", watchdog])].join(" ")
      say(`${entry.metadata.version} scx_ktstr ${options}: ${result?.outcome} ${line}`)
      lines.push(line.replace(/ \(\d+\.\d+s into test\)/, ""))
      rows.push([entry.metadata.version, `\`${options}\``, `\`${asked}\``, result?.outcome ?? "–", quoted(line)])
    }
    checkDistinct(lines)
  }
  return table(["kernel", "option", "run", "outcome", "first line"], rows).join("\n")
}
