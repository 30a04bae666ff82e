/** Follows a run's frames together with the host's delay. */

import { GuestClock, type HostTime, makeHostTime } from "../check/index.ts"
import type { Vm } from "../machine/index.ts"
import type { AgentEvent } from "../protocol/index.ts"
import type { RunDelay } from "./endCauses.ts"

/** What is known of the host's delay at the end of a run. */
export interface HostAccount {
  /** The delay by the guest's clock. */
  readonly time: HostTime | undefined
  readonly runDelay: RunDelay | undefined
  /** Why the delay is unknown; undefined if it is known or meaningless. */
  readonly unknown: string | undefined
}

const nothing: HostAccount = { time: undefined, runDelay: undefined, unknown: undefined }

/** Follows the host's delay of a machine. Call `heard` as soon as a frame has been read. */
export const followHost = (
  vm: Pick<Vm, "hostDelay">
): { readonly heard: (event: AgentEvent) => void; readonly account: () => HostAccount } => {
  const clock = new GuestClock()
  let readyMs: number | undefined
  return {
    heard: (event) => {
      const nowMs = Date.now()
      if (event._tag === "Ready") readyMs = nowMs
      if ("timeNs" in event) clock.heard(event.timeNs, nowMs)
    },
    account: () => {
      const delay = vm.hostDelay?.read()
      if (delay === undefined) return nothing
      if (delay._tag === "Unknown") return { ...nothing, unknown: delay.why }
      const { timeline, turnMs } = delay
      const beganMs = readyMs ?? timeline.beganMs
      const ofMs = Math.max(1, timeline.endedMs - beganMs)
      return {
        time: makeHostTime(timeline, clock, turnMs),
        runDelay: { delayMs: timeline.between(beganMs, timeline.endedMs), ofMs },
        unknown: undefined
      }
    }
  }
}
