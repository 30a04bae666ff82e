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

const ownCommands = (plan: Plan, { after, resolved }: Scheduling): ReadonlyArray<Command> => {
  // The plan's own last command is END.
  const commands = placeBelow(plan.commands.slice(0, -1), resolved.scheduler.cgroupParent)
  return [...commands, ...after, Command.End()]
}

/** Encodes everything that the agent runs. */
export const planBytes = (plan: Plan, scheduling: Scheduling): Uint8Array =>
  encodePlan([...scheduling.before, ...ownCommands(plan, scheduling)])

/** Encodes the same in two parts: until the scheduler has attached, which is the same for every plan, and from there. */
export const planParts = (plan: Plan, scheduling: Scheduling): readonly [first: Uint8Array, second: Uint8Array] => [
  encodePlan(scheduling.before),
  encodePlan(ownCommands(plan, scheduling))
]

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
