/**
 * Records which CPUs the guest had from its start to its end.
 *
 * @since 0.2.0
 */

import type { AgentEvent } from "../protocol/index.ts"
import { CpuSet } from "../topology/index.ts"

/** Maximum number of changes that a message lists one by one. */
const listed = 8

/**
 * Records the agent's events about CPUs; keeps the first changes and counts the rest.
 *
 * @since 0.2.0
 * @category models
 */
export class OnlineRecord {
  /** The CPUs online at the last event, as a cpulist; undefined if there was no event. */
  online: string | undefined
  /** CPUs that the kernel keeps free of tasks (`isolcpus=`), as a cpulist. */
  isolated = ""
  private readonly changes: Array<string> = []
  private more = 0

  add(event: Extract<AgentEvent, { readonly _tag: "Online" }>, startNs: number): void {
    this.online = event.online
    this.isolated = event.isolated
    for (const { cpu, online } of event.changes) {
      const when = `+${Math.max(0, Math.round((event.timeNs - startNs) / 1e6))}ms`
      if (this.changes.length < listed) this.changes.push(`cpu${cpu} ${online ? "online" : "offline"} at ${when}`)
      else this.more++
    }
  }

  /** Returns in one line what has changed since the start; undefined if nothing has. */
  changed(start: CpuSet): string | undefined {
    const end = this.online === undefined ? start : CpuSet.parseLenient(this.online)
    const [lost, gained] = [start.difference(end), end.difference(start)]
    if (lost.isEmpty && gained.isEmpty && this.changes.length === 0) return undefined
    const list = [...this.changes, ...(this.more === 0 ? [] : [`… and ${this.more} more`])].join(", ")
    const what = [
      ...(lost.isEmpty ? [] : [`lost CPUs ${lost}`]),
      ...(gained.isEmpty ? [] : [`gained CPUs ${gained}`]),
      ...(lost.isEmpty && gained.isEmpty ? ["lost CPUs for a time"] : [])
    ].join(" and ")
    return `the machine ${what} during the run: it began with CPUs ${start} and ended with ${end}${list === "" ? "" : ` (${list})`}`
  }
}
