/** Checks that depend on the machine's NUMA nodes: page locality, cross-node migrations, slow-tier pages. */
import type { Assert } from "./Assert.ts"
import type { CheckedCgroup } from "./CheckedCgroup.ts"
import { failed, figure, inconclusive, isSet, subject } from "./findings.ts"
import type { Finding } from "./hostExcuse.ts"
import type { NodeShares, Share } from "./nodeShares.ts"

/** Checks a share in every cgroup where it can be measured. If there is none, the check is inconclusive. */
const eachShare = (
  cgroups: ReadonlyArray<CheckedCgroup>,
  name: keyof Assert,
  what: string,
  read: (shares: NodeShares) => Share,
  good: (value: number) => boolean,
  threshold: number
): ReadonlyArray<Finding> => {
  const shares = cgroups.map((cgroup) => ({ cgroup, share: read(cgroup.shares) }))
  const judged = shares.filter(({ share }) => share.value !== null || !share.idle)
  const first = shares[0]?.share
  if (judged.length === 0 && first?.value === null) {
    return [inconclusive(`${name} can't be judged: ${first.missing}; switch it off there (${name}: false)`)]
  }
  return judged.flatMap(({ cgroup, share }): ReadonlyArray<Finding> => {
    if (share.value === null) return [inconclusive(`${subject(cgroup)}: ${what} can't be judged: ${share.missing}`)]
    return good(share.value)
      ? []
      : [failed(`${subject(cgroup)}: ${what} ${figure(share.value)} (threshold ${figure(threshold)})`)]
  })
}

/** Checks everything that depends on the machine's NUMA nodes. */
export const checkNodes = (cgroups: ReadonlyArray<CheckedCgroup>, assert: Assert): ReadonlyArray<Finding> => {
  const { maxCrossNodeMigrationRatio: crossing, maxSlowTierRatio: slow, minPageLocality: local } = assert
  const check = (
    name: keyof Assert,
    what: string,
    read: (shares: NodeShares) => Share,
    threshold: number | false | undefined,
    good: (value: number, threshold: number) => boolean
  ) => (isSet(threshold) ? eachShare(cgroups, name, what, read, (value) => good(value, threshold), threshold) : [])
  const atMost = (value: number, most: number) => value <= most
  return [
    ...check(
      "minPageLocality",
      "page locality",
      (shares) => shares.locality,
      local,
      (value, least) => value >= least
    ),
    ...check(
      "maxCrossNodeMigrationRatio",
      "cross-node migration ratio",
      (shares) => shares.crossings,
      crossing,
      atMost
    ),
    ...check("maxSlowTierRatio", "slow-tier ratio", (shares) => shares.slowTier, slow, atMost)
  ]
}
