import type { Plan } from "../plan/index.ts"
import { Command, encodePlan } from "../protocol/index.ts"
import {
  placeBelow,
  type ResolvedScheduler,
  resolvedEevdf,
  type SchedulingOptions,
  schedulerCommands
} from "../scheduler/index.ts"
import type { LiveGuest } from "../session/index.ts"

/** What a scheduler under test adds to the commands of a run. */
export interface Scheduling {
  readonly resolved: ResolvedScheduler
  /** Commands up to the moment at which the scheduler has attached. */
  readonly before: ReadonlyArray<Command>
  readonly after: ReadonlyArray<Command>
  /** How long a worker may be runnable without running, in milliseconds; 0: forever. */
  readonly watchdogMs: number
}

const configured = (sysctls: Readonly<Record<string, string>>): Command =>
  Command.Config({ symbols: [], sysctls: Object.entries(sysctls).map(([name, value]) => ({ name, value })) })

export const makeScheduling = (resolved: ResolvedScheduler, options: SchedulingOptions): Scheduling => {
  const { after, before } = schedulerCommands(resolved, options)
  return {
    resolved,
    before: [configured(resolved.scheduler.sysctls), ...before],
    after,
    watchdogMs: options.watchdogMs
  }
}

/** The kernel's own scheduler, or whatever runs on a host. */
export const noScheduling: Scheduling = makeScheduling(resolvedEevdf, { program: undefined, watchdogMs: 0 })

/** Encodes the file that the agent runs. */
export const planBytes = (plan: Plan, { after, before, resolved }: Scheduling): Uint8Array => {
  // The plan's own last command is END.
  const commands = placeBelow(plan.commands.slice(0, -1), resolved.scheduler.cgroupParent)
  return encodePlan([...before, ...commands, ...after, Command.End()])
}

/** Returns a guest that puts the scenario's cgroups below the scheduler's parent cgroup but names them as if they were in the root. */
export const placedGuest = (guest: LiveGuest, { resolved }: Scheduling): LiveGuest => {
  const { cgroupParent } = resolved.scheduler
  if (cgroupParent === undefined) return guest
  const placed = (command: Command): Command => placeBelow([command], cgroupParent)[0] ?? command
  const prefix = `${cgroupParent}/`
  return {
    ...guest,
    tell: (command) => guest.tell(placed(command)),
    obey: (command) => guest.obey(placed(command)),
    listen: (listener) =>
      guest.listen((event) =>
        listener(
          event._tag === "CgroupFile" && event.path.startsWith(prefix)
            ? { ...event, path: event.path.slice(prefix.length) }
            : event
        )
      )
  }
}
