/**
 * Operations of a step on cgroups and workers.
 *
 * @since 0.1.0
 */
import { Data, Duration } from "effect"
import { Payload, type PayloadRunOptions, type PayloadSpec } from "../payload/index.ts"
import type { AffinityKind, CpusetSpec } from "../topology/index.ts"
import { WorkTypeRef } from "../work/index.ts"
import { allControllers, type CgroupController } from "./CgroupDef.ts"
import { WorkSpec } from "./WorkSpec.ts"

/**
 * An operation. Cgroups are addressed by name, below the root of the run; `a/b` is nested.
 *
 * @since 0.1.0
 * @category models
 */
export type Op = Data.TaggedEnum<{
  /** Creates a cgroup and its ancestors; succeeds if it exists. */
  AddCgroup: { readonly cgroup: string; readonly controllers: ReadonlyArray<CgroupController> }
  /** Moves its tasks to the root and removes it. */
  RemoveCgroup: { readonly cgroup: string }
  SetCpuset: { readonly cgroup: string; readonly cpuset: CpusetSpec }
  /** Removes its own cpuset, so that it may use the CPUs of its parent. */
  ClearCpuset: { readonly cgroup: string }
  /** Exchanges the cpusets of two cgroups. */
  SwapCpusets: { readonly a: string; readonly b: string }
  /** Starts workers in a cgroup. */
  Spawn: { readonly cgroup: string; readonly work: WorkSpec }
  /** Stops the workers of a cgroup and collects their reports; the cgroup stays. */
  StopCgroup: { readonly cgroup: string }
  /** Changes the affinity of all workers of a cgroup. */
  SetAffinity: { readonly cgroup: string; readonly affinity: AffinityKind }
  /** Starts workers in the root, outside every cgroup of the scenario. */
  SpawnHost: { readonly work: WorkSpec }
  /** Moves every task of one cgroup to another (`""`: the root). */
  MoveAllTasks: { readonly from: string; readonly to: string }
  FreezeCgroup: { readonly cgroup: string }
  UnfreezeCgroup: { readonly cgroup: string }
  /** Sets `cpu.weight`, 1 to 10000; the kernel's default is 100. */
  SetWeight: { readonly cgroup: string; readonly weight: number }
  /** Sets `cpu.max`: microseconds of CPU time per period; `"max"`: no limit. */
  SetBandwidth: { readonly cgroup: string; readonly quotaUs: number | "max"; readonly periodUs: number }
  /** Stops the scheduler under test; the kernel's own takes over. */
  DetachScheduler: {}
  /** Starts the scheduler under test again. */
  AttachScheduler: {}
  /** Stops the scheduler under test and starts it again. */
  RestartScheduler: {}
  /** Starts a payload without waiting for it. The payload ends with the step that started it: SIGTERM, then SIGKILL after 5 s. */
  RunPayload: { readonly spec: PayloadSpec }
  /** Waits until a payload has ended. If it has not ended after the timeout, it is killed and the run fails. */
  WaitPayload: { readonly name: string; readonly cgroup: string | undefined; readonly timeout: Duration.Duration }
  /** Sends a signal to a payload and waits for its end; SIGKILL follows after 5 s. Succeeds if the payload has already ended. */
  KillPayload: { readonly name: string; readonly cgroup: string | undefined; readonly signal: number }
  /** Sends a signal to one worker of a cgroup, counted in the order of spawning: a fault that must be reported. */
  KillWorker: { readonly cgroup: string; readonly worker: number; readonly signal: number }
}>

const make = Data.taggedEnum<Op>()

/** Selects a run of a payload: the latest with its name, or the latest in this cgroup (`""`: the root). */
interface PayloadAddress {
  readonly cgroup?: string | undefined
}

const nameOf = (payload: Payload | string): string => (typeof payload === "string" ? payload : payload.name)

const payloadText = (name: string, cgroup: string | undefined): string =>
  cgroup === undefined || cgroup === "" ? name : `${cgroup} ${name}`

/**
 * Constructors of ops.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Op: {
  /** Makes an AddCgroup; the controllers default to both, see `CgroupDef.withControllers`. */
  readonly AddCgroup: (cgroup: string, controllers?: ReadonlyArray<CgroupController>) => Op
  readonly RemoveCgroup: (cgroup: string) => Op
  readonly SetCpuset: (cgroup: string, cpuset: CpusetSpec) => Op
  readonly ClearCpuset: (cgroup: string) => Op
  readonly SwapCpusets: (a: string, b: string) => Op
  readonly Spawn: (cgroup: string, work?: WorkSpec) => Op
  readonly StopCgroup: (cgroup: string) => Op
  readonly SetAffinity: (cgroup: string, affinity: AffinityKind) => Op
  readonly SpawnHost: (work?: WorkSpec) => Op
  readonly MoveAllTasks: (from: string, to: string) => Op
  readonly FreezeCgroup: (cgroup: string) => Op
  readonly UnfreezeCgroup: (cgroup: string) => Op
  readonly SetWeight: (cgroup: string, weight: number) => Op
  /** Makes a SetBandwidth; the period defaults to the kernel's 100 ms. */
  readonly SetBandwidth: (cgroup: string, quotaUs: number | "max", periodUs?: number) => Op
  readonly DetachScheduler: Op
  readonly AttachScheduler: Op
  readonly RestartScheduler: Op
  /** Makes a RunPayload; the cgroup defaults to the root. */
  readonly RunPayload: (payload: Payload, options?: PayloadRunOptions & PayloadAddress) => Op
  /** Makes a WaitPayload; the timeout defaults to 60 s. */
  readonly WaitPayload: (
    payload: Payload | string,
    options?: PayloadAddress & { readonly timeout?: Duration.DurationInput | undefined }
  ) => Op
  /** Makes a KillPayload; the signal defaults to SIGTERM. */
  readonly KillPayload: (
    payload: Payload | string,
    options?: PayloadAddress & { readonly signal?: number | undefined }
  ) => Op
  /** Makes a KillWorker; the signal defaults to SIGKILL. */
  readonly KillWorker: (cgroup: string, worker: number, signal?: number) => Op
  /** Describes the op's subject and values in a few words, for the timeline. */
  readonly describe: (op: Op) => string
} = {
  AddCgroup: (cgroup, controllers = allControllers) => make.AddCgroup({ cgroup, controllers }),
  RemoveCgroup: (cgroup) => make.RemoveCgroup({ cgroup }),
  SetCpuset: (cgroup, cpuset) => make.SetCpuset({ cgroup, cpuset }),
  ClearCpuset: (cgroup) => make.ClearCpuset({ cgroup }),
  SwapCpusets: (a, b) => make.SwapCpusets({ a, b }),
  Spawn: (cgroup, work = {}) => make.Spawn({ cgroup, work: WorkSpec.make(work) }),
  StopCgroup: (cgroup) => make.StopCgroup({ cgroup }),
  SetAffinity: (cgroup, affinity) => make.SetAffinity({ cgroup, affinity }),
  SpawnHost: (work = {}) => make.SpawnHost({ work: WorkSpec.make(work) }),
  MoveAllTasks: (from, to) => make.MoveAllTasks({ from, to }),
  FreezeCgroup: (cgroup) => make.FreezeCgroup({ cgroup }),
  UnfreezeCgroup: (cgroup) => make.UnfreezeCgroup({ cgroup }),
  SetWeight: (cgroup, weight) => make.SetWeight({ cgroup, weight }),
  SetBandwidth: (cgroup, quotaUs, periodUs = 100_000) => make.SetBandwidth({ cgroup, quotaUs, periodUs }),
  DetachScheduler: make.DetachScheduler(),
  AttachScheduler: make.AttachScheduler(),
  RestartScheduler: make.RestartScheduler(),
  RunPayload: (payload, options) => make.RunPayload({ spec: Payload.spec(payload, options) }),
  WaitPayload: (payload, { cgroup, timeout = "60 seconds" } = {}) =>
    make.WaitPayload({ name: nameOf(payload), cgroup, timeout: Duration.decode(timeout) }),
  KillPayload: (payload, { cgroup, signal = 15 } = {}) => make.KillPayload({ name: nameOf(payload), cgroup, signal }),
  KillWorker: (cgroup, worker, signal = 9) => make.KillWorker({ cgroup, worker, signal }),
  describe: make.$match({
    AddCgroup: ({ cgroup }) => cgroup,
    RemoveCgroup: ({ cgroup }) => cgroup,
    SetCpuset: ({ cgroup, cpuset }) => `${cgroup} ${cpuset._tag}`,
    ClearCpuset: ({ cgroup }) => cgroup,
    SwapCpusets: ({ a, b }) => `${a} ${b}`,
    Spawn: ({ cgroup, work }) => `${cgroup} ${WorkTypeRef.nameOf(work.workType ?? WorkTypeRef.SpinWait)}`,
    StopCgroup: ({ cgroup }) => cgroup,
    SetAffinity: ({ affinity, cgroup }) => `${cgroup} ${affinity._tag}`,
    SpawnHost: ({ work }) => WorkTypeRef.nameOf(work.workType ?? WorkTypeRef.SpinWait),
    MoveAllTasks: ({ from, to }) => `${from} ${to === "" ? "/" : to}`,
    FreezeCgroup: ({ cgroup }) => cgroup,
    UnfreezeCgroup: ({ cgroup }) => cgroup,
    SetWeight: ({ cgroup, weight }) => `${cgroup} ${weight}`,
    SetBandwidth: ({ cgroup, periodUs, quotaUs }) => `${cgroup} ${quotaUs} ${periodUs}`,
    DetachScheduler: () => "",
    AttachScheduler: () => "",
    RestartScheduler: () => "",
    RunPayload: ({ spec }) => payloadText(spec.payload.name, spec.cgroup),
    WaitPayload: ({ cgroup, name }) => payloadText(name, cgroup),
    KillPayload: ({ cgroup, name, signal }) => `${payloadText(name, cgroup)} signal ${signal}`,
    KillWorker: ({ cgroup, signal, worker }) => `${cgroup} worker ${worker} signal ${signal}`
  })
}
