import { AssertResult } from "../check/index.ts"
import { notAsAsked, type SessionRecord } from "../session/index.ts"
import { CpuSet, type Topology } from "../topology/index.ts"

/** Why a run says little of the scheduler: the machine was another. */
export interface MachineDoubts {
  /** It came up otherwise than asked: whatever follows may come from that. */
  readonly start: ReadonlyArray<string>
  /** It lost or gained CPUs later. */
  readonly later: ReadonlyArray<string>
  /** Worth knowing, no more. */
  readonly notes: ReadonlyArray<string>
}

/** `asked`: undefined on a host, which is as it is. */
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

/** A pass becomes inconclusive, a failure also says it: of the start before its own causes, of what came later behind them. */
export const doubted = (
  verdict: AssertResult,
  { later, start }: Pick<MachineDoubts, "later" | "start">
): AssertResult => {
  if (start.length + later.length === 0) return verdict
  const { cgroups, outcome, totals } = verdict
  const failed = outcome === "fail"
  const lines = [...start, ...later]
  const told = [...lines.slice(0, -1), `${lines.at(-1)}; ${remedy}`]
  return AssertResult.make({
    outcome: failed ? "fail" : "inconclusive",
    details: failed
      ? [...told.slice(0, start.length), ...verdict.details, ...told.slice(start.length)]
      : [...told, ...verdict.details],
    cgroups,
    totals
  })
}
