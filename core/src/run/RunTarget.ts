import type { TestTopology, Topology } from "../topology/index.ts"
import type { Determinism } from "./Determinism.ts"
import type { RunTrace } from "./RunRequest.ts"
import type { Scheduling } from "./scheduling.ts"

/** Where a scenario runs, with its kernel, scheduler and clock. */
export interface RunTarget {
  readonly topo: TestTopology
  /** The requested topology. */
  readonly topology: string
  /** The requested machine and the extra words on its kernel command line; undefined on a host, which is used as it is. */
  readonly asked?: { readonly topology: Topology; readonly kargs: ReadonlyArray<string> } | undefined
  /** Why a run makes no sense there, so that it is skipped; undefined: it makes sense. */
  readonly skipReason?: string | undefined
  readonly kernel: {
    readonly image: string
    readonly version: string
    readonly key: string | null
    readonly label: string | null
  }
  /** Name of the scheduler in the result. */
  readonly scheduler: string
  /** Starts and ends the scheduler under test; undefined: there is none. */
  readonly scheduling?: Scheduling | undefined
  readonly ring: { readonly address: number; readonly size: number } | undefined
  /** Receives the telemetry of a traced run; undefined: not traced. Without `determinism`, the guest runs in host time. */
  readonly trace?: RunTrace | undefined
  readonly determinism?: Determinism | undefined
  /** Whether files reach the workers only if they are packed into an initramfs. */
  readonly packs: boolean
  /** Hash of the program of the scheduler under test. */
  readonly schedulerSha256?: string | null | undefined
}
