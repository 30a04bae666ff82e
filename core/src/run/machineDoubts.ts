import { AssertResult } from "../check/index.ts"
import { notAsAsked, type SessionRecord } from "../session/index.ts"
import { CpuSet, type Topology } from "../topology/index.ts"

/** Reasons why a run says little about the scheduler: the machine was not as requested. */
export interface MachineDoubts {
  /** The machine came up differently from the request, which may explain everything after it. */
  readonly start: ReadonlyArray<string>
  /** The machine lost or gained CPUs later. */
  readonly later: ReadonlyArray<string>
  /** Notes that do not affect the verdict. */
  readonly notes: ReadonlyArray<string>
}

/** Compares the machine with the request. `asked` is undefined on a host, which is used as it is. */
export const machineDoubts = (
  record: SessionRecord,
  asked: { readonly topology: Topology; readonly kargs: ReadonlyArray<string> } | undefined
): MachineDoubts => {
  const { online, ready } = record
  if (ready === undefined) return { start: [], later: [], notes: [] }
  const start = asked === undefined ? undefined : notAsAsked(asked.topology, ready.topology, asked.kargs)
  const later = online.changed(CpuSet.from(ready.topology.cpus.map(({ cpu }) => cpu)))
  const isolated = `the kernel keeps CPUs ${online.isolated} isolated (isolcpus=): no task runs there unless a cpuset or an affinity puts it there`
  return {
    start: start === undefined ? [] : [start],
    later: later === undefined ? [] : [later],
    notes: online.isolated === "" ? [] : [isolated]
  }
}

const remedy = "a test that takes CPUs away on purpose says cpuHotplug: true"

/**
 * Adds the doubts to a verdict. A pass becomes inconclusive. A failure lists doubts about the start before its own details, and later ones after
 * them.
 */
export const doubted = (
  verdict: AssertResult,
  { later, start }: Pick<MachineDoubts, "later" | "start">
): AssertResult => {
  if (start.length + later.length === 0) return verdict
  const { cgroups, outcome, totals } = verdict
  const failed = outcome === "fail"
  const lines = [...start, ...later]
  const withRemedy = [...lines.slice(0, -1), `${lines.at(-1)}; ${remedy}`]
  return AssertResult.make({
    outcome: failed ? "fail" : "inconclusive",
    details: failed
      ? [...withRemedy.slice(0, start.length), ...verdict.details, ...withRemedy.slice(start.length)]
      : [...withRemedy, ...verdict.details],
    cgroups,
    totals
  })
}
