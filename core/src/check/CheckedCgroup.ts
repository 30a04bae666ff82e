import type { CgroupStats } from "./AssertResult.ts"
import type { PlannedGroup } from "./Expected.ts"
import type { HostTime } from "./HostTime.ts"
import type { NodeShares } from "./nodeShares.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** A cgroup with what was planned in it and what its workers reported. */
export interface CheckedCgroup {
  readonly name: string
  readonly groups: ReadonlyArray<PlannedGroup>
  readonly reports: ReadonlyArray<WorkerReport>
  readonly stats: CgroupStats
  readonly shares: NodeShares
  /** The time the host withheld; undefined if unknown, or if the guest runs in virtual time. */
  readonly host?: HostTime | undefined
  /** Whether the run was ended early, but not by a failure; workers that did not finish then do not count as lost. */
  readonly cutShort?: boolean | undefined
}
