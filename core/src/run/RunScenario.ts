/**
 * Boots a machine, runs a scenario in it, and judges what its workers report.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect } from "effect"
import { sha256Hex, sha256OfFile } from "../base/index.ts"
import type { Checker } from "../check/index.ts"
import { ownTemporaryPrefix } from "../host/index.ts"
import { InitramfsError, packBase, packRun, resolveInclude } from "../image/index.ts"
import { kernelLabel, kernelScheduler, otherKernelScheduler, type ResolvedKernel } from "../kernel/index.ts"
import { AgentBinary, type AgentMissing, bootMachine, type Vm, type Vmm, type VmmError } from "../machine/index.ts"
import type { OutputFormatError, OutputFormats, PayloadError } from "../payload/index.ts"
import type { PlanError } from "../plan/index.ts"
import { defaultWatchdogMs, type ResolvedScheduler, resolvedEevdf, SchedulerError } from "../scheduler/index.ts"
import { defaultRing, deterministicRing } from "../session/index.ts"
import { TestConstraints, TestTopology } from "../topology/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { type Determinism, Ingredients } from "./Determinism.ts"
import { agentCmdline, guestMemoryMb, handover, preludeDeadlineMs } from "./GuestSetup.ts"
import { changedScheduler } from "./Rerun.ts"
import type { RunEvent } from "./RunEvent.ts"
import { type RunRequest, type SettledRun, settleRun } from "./RunRequest.ts"
import type { RunResult } from "./RunResult.ts"
import { type AgentStart, runToVerdict } from "./runToVerdict.ts"
import { makeScheduling, planBytes, planParts, type Scheduling } from "./scheduling.ts"

/** Kernel arguments of a traced run. The trace buffer keeps the newest events, 4 MiB per CPU. */
const traceArguments = [
  "ktstr.trace=on",
  "loglevel=7",
  "trace_event=sched:sched_switch,sched:sched_waking",
  "trace_buf_size=4M"
]

/**
 * Why a run could not start. Errors after the machine's start are in the result instead.
 *
 * @since 0.1.0
 * @category errors
 */
export type RunError =
  | SchedulerError
  | VmmError
  | PlanError
  | InitramfsError
  | AgentMissing
  | PayloadError
  | OutputFormatError

/**
 * Runs a scenario in a machine to a verdict. The request says what to run, on which topology and kernel; everything else has a default. Whatever the
 * guest does ends in a `RunResult`; the effect fails only if no machine could be started. Interrupting the effect kills the machine and leaves
 * nothing behind. `onEvent` receives the events of the run.
 *
 * @since 0.1.0
 * @category running
 */
export const runScenario: (
  request: RunRequest,
  onEvent?: (event: RunEvent) => Effect.Effect<void>
) => Effect.Effect<
  RunResult,
  RunError,
  Vmm | Checker | WorkTypes | OutputFormats | AgentBinary | FileSystem.FileSystem | Path.Path
> = Effect.fn("RunScenario.run")(function* (asked: RunRequest, onEvent = () => Effect.void) {
  const request = settleRun(asked)
  const { kernel, memoryMb, topology, watchdogMs = defaultWatchdogMs } = request
  const resolved = request.scheduler ?? resolvedEevdf
  const skipReason = skipReasonOf(request, resolved)
  if (skipReason === undefined) yield* checkKernel(kernel, resolved)
  const program = yield* schedulerInclude(resolved, request.determinism)
  const packed = program === undefined ? undefined : (yield* resolveInclude(program)).files[0]
  const deterministic = request.determinism !== undefined
  const ring = deterministic
    ? deterministicRing(topology, guestMemoryMb({ topology, asked: memoryMb, initramfsBytes: 0 }))
    : defaultRing
  const hash = resolved.program === undefined ? null : yield* hashOfFile(resolved.program)
  const scheduling = makeScheduling(resolved, {
    program: packed?.guest,
    watchdogMs,
    timeoutMs: request.watchdogTimeoutS === undefined ? undefined : Math.round(request.watchdogTimeoutS * 1000)
  })
  const target = {
    topo: TestTopology.fromTopology(topology),
    topology: String(topology),
    asked: { topology, kargs: [...resolved.scheduler.kargs, ...request.kargs] },
    skipReason,
    kernel: {
      image: kernel.image,
      version: kernel.version,
      key: kernel.key ?? null,
      label: kernelLabel(kernel)
    },
    scheduler: resolved.scheduler.binary._tag === "Eevdf" ? kernelScheduler(kernel.version) : resolved.scheduler.name,
    scheduling,
    ring,
    trace: request.trace,
    determinism: request.determinism,
    packs: true,
    schedulerSha256: hash
  }
  const start = Effect.fnUntraced(function* ({ prepared, warn }: AgentStart) {
    const { includes, limits, plan } = prepared
    const then = request.schedulerSha256
    if (then !== undefined && hash !== null && resolved.program !== undefined) {
      const changed = changedScheduler(resolved.program, then, hash)
      if (changed !== undefined) yield* warn(changed)
    }
    const other =
      resolved.scheduler.binary._tag === "Eevdf"
        ? otherKernelScheduler(resolved.asked ?? "default", kernel.version)
        : undefined
    if (other !== undefined) yield* warn(other)
    if (request.watchdogTimeoutS !== undefined && packed === undefined) yield* warn(noWatchdogTimeout(request))
    const [first, second] =
      plan === undefined ? [] : deterministic ? planParts(plan, scheduling) : [planBytes(plan, scheduling), undefined]
    const initramfs = yield* packInitramfs(
      first,
      scheduling,
      [...schedulerFiles(program, resolved, kernel), ...includes],
      warn
    )
    const vm = yield* bootMachine({
      kernel: { image: kernel.image, vmlinux: kernel.vmlinux },
      initramfs: initramfs.files,
      cmdline: [
        ...agentCmdline({
          mode: plan === undefined ? "live" : "plan",
          deadlineMs: deterministic ? preludeDeadlineMs(resolved.scheduler.startTimeoutMs) : limits.guestMs,
          deterministic
        }),
        ...resolved.scheduler.kargs,
        ...(request.trace === undefined ? [] : traceArguments),
        ...request.kargs
      ],
      topology,
      memoryMb: guestMemoryMb({ topology, asked: memoryMb, initramfsBytes: initramfs.bytes }),
      ring,
      handover: second === undefined ? undefined : yield* handover(second, { ring, deadlineMs: limits.guestMs }),
      clock: deterministic ? "deterministic" : "auto"
    })
    if (!deterministic || plan === undefined) return { vm, ingredients: null }
    const [base] = initramfs.files
    return { vm, ingredients: yield* ingredientsOf({ kernel, resolved, base, plan: planBytes(plan, scheduling), vm }) }
  })
  return yield* runToVerdict(request, target, start, onEvent)
})

const noWatchdogTimeout = ({ scheduler = resolvedEevdf, watchdogTimeoutS }: SettledRun): string =>
  `watchdogTimeoutS ${watchdogTimeoutS} has no effect: it is for schedulers that are programs, and ${scheduler.scheduler.name} is part of the kernel`

/** Returns why the requested machine does not meet the constraints of the scheduler or the test; undefined if it does. */
const skipReasonOf = ({ constraints, topology }: RunRequest, { scheduler }: ResolvedScheduler): string | undefined => {
  const unmet = TestConstraints.unmet(constraints ?? scheduler.constraints, topology)
  if (unmet === undefined) return undefined
  return constraints === undefined ? `scheduler '${scheduler.name}' ${unmet}` : unmet
}

/** Fails before booting if the kernel is known to lack sched_ext; otherwise the agent detects it. */
const checkKernel = (
  { schedExt, schedExtAlternative, version }: ResolvedKernel,
  { program, scheduler }: ResolvedScheduler
) => {
  if (program === undefined || schedExt !== false) return Effect.void
  const remedy =
    schedExtAlternative === undefined
      ? "get one that has it: ktstr kernel fetch"
      : `the cache has one that does: --kernel ${schedExtAlternative}`
  return new SchedulerError({
    reason: "Kernel",
    message: `scheduler '${scheduler.name}' can't attach: kernel ${version} has no sched_ext (CONFIG_SCHED_CLASS_EXT); ${remedy}`
  })
}

/**
 * Returns the include of the scheduler's program. In a deterministic run the program gets a fixed guest path, because its arguments are on its stack
 * and would make the run depend on the host's path.
 */
const schedulerInclude = ({ program }: ResolvedScheduler, determinism: Determinism | undefined) =>
  Effect.map(Path.Path, (path) =>
    program === undefined || determinism === undefined
      ? program
      : `${path.resolve(program)}:/opt/ktstr/${path.basename(program)}`
  )

/**
 * Returns the files that the scheduler needs in the guest: its program, its configuration, and the kernel's configuration, in which libbpf looks up a
 * BPF program's `__kconfig` variables if there is no /proc/config.gz.
 */
const schedulerFiles = (
  program: string | undefined,
  { scheduler: { configFile } }: ResolvedScheduler,
  { config, version }: ResolvedKernel
): ReadonlyArray<string> => [
  ...(program === undefined ? [] : [program]),
  ...(program === undefined || config === undefined ? [] : [`${config}:/boot/config-${version}`]),
  ...(configFile === undefined ? [] : [`${configFile}:/include-files/${configFile.split("/").at(-1)}`])
]

const hashOfFile = (path: string) =>
  Effect.mapError(
    sha256OfFile(path),
    ({ message }) => new InitramfsError({ message: `can't read ${path}, which the run is made of: ${message}` })
  )

const ingredientsOf = Effect.fnUntraced(function* ({
  base,
  kernel,
  plan,
  resolved,
  vm
}: {
  readonly kernel: ResolvedKernel
  readonly resolved: ResolvedScheduler
  readonly base: string | undefined
  readonly plan: Uint8Array
  readonly vm: Vm
}) {
  const { program, scheduler } = resolved
  return Ingredients.make({
    kernel: { version: kernel.version, sha256: yield* hashOfFile(kernel.image) },
    initramfs: base === undefined ? "" : yield* hashOfFile(base),
    plan: yield* sha256Hex(plan),
    scheduler:
      scheduler.binary._tag === "Eevdf"
        ? null
        : {
            name: scheduler.name,
            sha256: program === undefined ? null : yield* hashOfFile(program),
            args: [...resolved.args]
          },
    machine: vm.machine ?? { version: "", arguments: [] }
  })
})

const packInitramfs = Effect.fnUntraced(function* (
  plan: Uint8Array | undefined,
  scheduling: Scheduling,
  includes: ReadonlyArray<string>,
  warn: (text: string) => Effect.Effect<void>
) {
  const fs = yield* FileSystem.FileSystem
  const agent = yield* Effect.flatMap(AgentBinary, (binary) => binary.path)
  const prefix = yield* ownTemporaryPrefix()
  const scratch = yield* Effect.mapError(fs.makeTempDirectoryScoped({ prefix }), noScratch)
  const base = yield* packBase({
    agent,
    busybox: scheduling.resolved.busybox,
    includes: [...new Set(includes)],
    scratch
  })
  yield* Effect.forEach(base.warnings, warn, { discard: true })
  const files = [base.path]
  if (plan !== undefined) files.push(yield* packRun({ plan, scratch }))
  const sizes = yield* Effect.mapError(
    Effect.forEach(files, (file) => fs.stat(file)),
    noScratch
  )
  return { files, bytes: sizes.reduce((sum, { size }) => sum + Number(size), 0) }
})

const noScratch = (cause: PlatformError): InitramfsError =>
  new InitramfsError({ message: `can't write to the temporary directory (TMPDIR): ${cause.message}`, cause })
