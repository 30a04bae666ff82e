// docs/schedulers.md: outcomes of third-party schedulers and of the fixture.

import type { KernelEntry } from "@ktstr/core/kernel"
import { type Examples, exampleNames } from "./KernelSchedulers.ts"
import { type Row, runScenarios } from "./Runs.ts"
import { quoted, table } from "./TableText.ts"

export interface TestedKernel {
  readonly entry: KernelEntry
  readonly examples: Examples
}

type Say = (text: string) => void

const scenarios = ["steady", "oversubscribed", "cpusetApply", "cgroupAdd", "nestedSteady"]
const topologies = ["1n2l2c1t", "2n4l2c1t"]

/** The first detail, and the reason given by the kernel or the scheduler. */
const reason = ({ details, kernelReason }: Row): string => {
  const first = details[0] ?? ""
  const words = details.find((line) => line.startsWith("its last words:"))
  const more = [kernelReason ?? undefined, words].find((text) => text !== undefined && !first.includes(text))
  return quoted(more === undefined ? first : `${first}; ${more}`)
}

const ms = (value: number | null): string => (value === null ? "–" : `${Math.round(value)} ms`)

/** The examples on every kernel, topology and scenario; all of them, or the named ones, with the rows of the others from the page as it is. */
export const matrix = async (
  kernels: ReadonlyArray<TestedKernel>,
  named: ReadonlyArray<string>,
  page: string,
  say: Say
): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const { entry, examples } of kernels) {
    for (const name of exampleNames) {
      if (named.length > 0 && !named.includes(name)) {
        const start = `| ${entry.metadata.version} | ${name} |`
        const kept = page.split("\n").filter((line) => line.startsWith(start))
        rows.push(...kept.map((line) => line.slice(2, -2).split(" | ")))
        continue
      }
      for (const topology of topologies) {
        const scheduler = examples[name]
        const found = await runScenarios({ scenarios, topology, kernel: entry.key, scheduler, seconds: 2 })
        for (const result of found) {
          say(`${entry.metadata.version} ${name} ${topology} ${result.scenario}: ${result.outcome} ${reason(result)}`)
          const { scenario, outcome, attachMs } = result
          rows.push([entry.metadata.version, name, topology, scenario, outcome, ms(attachMs), reason(result)])
        }
      }
    }
  }
  return table(["kernel", "scheduler", "topology", "scenario", "outcome", "attached in", "reason"], rows).join("\n")
}

/** scx_qmap with the option to stall user threads after 200 dispatches: found by ktstr's watchdog and, without it, by the kernel's within half a minute. */
export const stall = async (kernels: ReadonlyArray<TestedKernel>, say: Say): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  const each = kernels.flatMap((kernel) => [2, 0].map((watchdog) => ({ ...kernel, watchdog })))
  for (const { entry, examples, watchdog } of each) {
    const [result] = await runScenarios({
      scenarios: ["steady"],
      topology: "1n2l2c1t",
      kernel: entry.key,
      scheduler: examples.scx_qmap,
      schedulerArgs: "-t 200",
      seconds: 60,
      watchdog
    })
    if (result === undefined) continue
    say(`${entry.metadata.version} scx_qmap -t 200 --watchdog ${watchdog}: ${result.outcome} ${reason(result)}`)
    const details = result.details.slice(0, 3).map(quoted).join("<br>")
    rows.push([
      entry.metadata.version,
      `${watchdog} s`,
      result.outcome,
      details,
      quoted(result.kernelReason ?? "–"),
      result.hasDump ? "yes" : "no"
    ])
  }
  return table(["kernel", "`--watchdog`", "outcome", "what ktstr says", "what the kernel says", "dump"], rows).join(
    "\n"
  )
}

/** The fixture under scenarios of the catalog. */
export const fixture = async (
  kernels: ReadonlyArray<TestedKernel>,
  program: string,
  catalog: ReadonlyArray<string>,
  say: Say
): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const { entry } of kernels) {
    const found = await runScenarios({
      scenarios: catalog,
      topology: "2n4l2c1t",
      kernel: entry.key,
      scheduler: program,
      seconds: 3
    })
    for (const result of found) {
      say(`${entry.metadata.version} scx_ktstr ${result.scenario}: ${result.outcome} ${reason(result)}`)
      rows.push([entry.metadata.version, result.scenario, result.outcome, reason(result)])
    }
  }
  return table(["kernel", "scenario", "outcome", "reason"], rows).join("\n")
}

const repeats = 30

/** The same run again and again: a sound scheduler passes each time. */
export const repeat = async (kernels: ReadonlyArray<TestedKernel>, program: string, say: Say): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const { entry } of kernels) {
    let passed = 0
    const attached: Array<number> = []
    const failures = new Set<string>()
    for (let i = 0; i < repeats; i++) {
      const [result] = await runScenarios({
        scenarios: ["steady"],
        topology: "1n2l2c1t",
        kernel: entry.key,
        scheduler: program,
        seconds: 2
      })
      if (result?.outcome === "pass") passed++
      else failures.add(result === undefined ? "no result" : reason(result))
      if (result?.attachMs) attached.push(result.attachMs)
      say(`${entry.metadata.version} steady ${i + 1} of ${repeats}: ${result?.outcome}`)
    }
    attached.sort((a, b) => a - b)
    const range = attached.length === 0 ? "–" : `${ms(attached[0]!)} to ${ms(attached.at(-1)!)}`
    rows.push([entry.metadata.version, `${passed} of ${repeats}`, range, [...failures].join("<br>")])
  }
  return table(["kernel", "passed", "attached in", "reasons of failures"], rows).join("\n")
}
