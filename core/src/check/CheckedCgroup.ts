import type { CgroupStats } from "./AssertResult.ts"
import type { PlannedGroup } from "./Expected.ts"
import type { HostTime } from "./HostTime.ts"
import type { NodeShares } from "./nodeShares.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** A cgroup with what was planned in it and what came of it. */
export interface CheckedCgroup {
  readonly name: string
  readonly groups: ReadonlyArray<PlannedGroup>
  readonly reports: ReadonlyArray<WorkerReport>
  readonly stats: CgroupStats
  readonly shares: NodeShares
  /** What the host withheld; undefined: nothing is known of that, or the guest has a time of its own. */
  readonly host?: HostTime | undefined
  /** The run was ended early, and not by a failure: who did not come to its end is not lost. */
  readonly cutShort?: boolean | undefined
}
