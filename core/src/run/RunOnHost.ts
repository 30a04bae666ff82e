/**
 * Runs a scenario on this host, under the scheduler in use there.
 *
 * @since 0.1.0
 */
import { FileSystem, type Path } from "@effect/platform"
import { Effect } from "effect"
import type { Checker } from "../check/index.ts"
import { kernelScheduler } from "../kernel/index.ts"
import { type AgentMissing, findCgroupMount, HostError, HostMachine } from "../machine/index.ts"
import type { OutputFormatError, OutputFormats, PayloadError } from "../payload/index.ts"
import type { PlanError } from "../plan/index.ts"
import { readHostTopology, TestTopology } from "../topology/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { RunEvent } from "./RunEvent.ts"
import { type ScenarioRequest, settleScenario } from "./RunRequest.ts"
import type { RunResult } from "./RunResult.ts"
import { type AgentStart, runToVerdict } from "./runToVerdict.ts"
import { noScheduling, planBytes } from "./scheduling.ts"

/**
 * Why a run on the host could not start.
 *
 * @since 0.1.0
 * @category errors
 */
export type HostRunError = HostError | PlanError | AgentMissing | PayloadError | OutputFormatError

/**
 * Returns the scheduler of this host's ordinary tasks: the name of the running sched_ext scheduler, else that of the kernel's own.
 *
 * @since 0.1.0
 * @category accessors
 */
export const hostScheduler = (release: string, sys = "/sys"): Effect.Effect<string, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const ops = yield* Effect.orElseSucceed(fs.readFileString(`${sys}/kernel/sched_ext/root/ops`), () => "")
    if (ops.trim() !== "") return ops.trim()
    return kernelScheduler(release)
  })

/** Returns an include whose target path in a guest does not exist on this host, where the work will look for it. */
const absentTarget = Effect.fnUntraced(function* (include: string) {
  const fs = yield* FileSystem.FileSystem
  const at = include.lastIndexOf(":/")
  const target = at > 0 ? include.slice(at + 1) : undefined
  if (target === undefined) return []
  return (yield* Effect.orElseSucceed(fs.exists(target), () => false)) ? [] : [{ include, target }]
})

/**
 * Runs a scenario on this host to a verdict. Fails only if the agent could not be started; interrupting the effect ends the workers and removes their
 * cgroups.
 *
 * @since 0.1.0
 * @category running
 */
export const runOnHost: (
  request: ScenarioRequest,
  onEvent?: (event: RunEvent) => Effect.Effect<void>
) => Effect.Effect<
  RunResult,
  HostRunError,
  HostMachine | Checker | WorkTypes | OutputFormats | FileSystem.FileSystem | Path.Path
> = Effect.fn("RunOnHost.run")(function* (asked: ScenarioRequest, onEvent = () => Effect.void) {
  const request = settleScenario(asked)
  const fs = yield* FileSystem.FileSystem
  const cgroupMount = yield* findCgroupMount()
  const read = (path: string) => Effect.map(fs.readFileString(path), (text) => text.trim())
  const release = yield* Effect.orElseSucceed(read("/proc/sys/kernel/osrelease"), () => "")
  const sysfs = yield* Effect.mapError(
    readHostTopology(),
    ({ message }) =>
      new HostError({ reason: "AgentFailed", message: `this machine's topology can't be read: ${message}` })
  )
  const target = {
    topo: TestTopology.fromSysfs(sysfs),
    topology: "this host",
    kernel: { image: "", version: release, key: null, label: null },
    scheduler: yield* hostScheduler(release),
    ring: undefined,
    packs: false
  }
  const start = Effect.fnUntraced(function* ({ prepared: { includes, limits, plan } }: AgentStart) {
    const absent = (yield* Effect.forEach(includes, absentTarget)).flat()[0]
    if (absent !== undefined) {
      const message = `the scenario's work needs ${absent.target}, which a guest gets of '${absent.include}'; put it there, or leave out --host`
      return yield* new HostError({ reason: "MissingFile", message })
    }
    const vm = yield* (yield* HostMachine).start({
      plan: plan === undefined ? undefined : planBytes(plan, noScheduling),
      deadlineMs: limits.guestMs,
      cgroupMount
    })
    return { vm, ingredients: null }
  })
  return yield* runToVerdict(request, target, start, onEvent)
})
