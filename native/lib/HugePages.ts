/**
 * 2 MiB pages of the host's reserve: whether a machine's memory can be made of them.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"

const hugePage = 2 * 1024 * 1024

/** Documentation/admin-guide/mm/hugetlbpage.rst: pages promised to a mapping but not yet touched count as free. */
const number = (path: string): number => {
  try {
    return Number(readFileSync(path, "utf8"))
  } catch {
    return 0
  }
}

const size = "hugepages-2048kB"

/**
 * 2 MiB pages that a new mapping can have: of the host, or of one of its NUMA nodes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const freeHugePages = (hostNode?: number): number => {
  if (hostNode !== undefined) {
    // A node knows no promises.
    return number(`/sys/devices/system/node/node${hostNode}/hugepages/${size}/free_hugepages`)
  }
  const pool = `/sys/kernel/mm/hugepages/${size}`
  return Math.max(0, number(`${pool}/free_hugepages`) - number(`${pool}/resv_hugepages`))
}

/**
 * The warning for memory that can't be made of 2 MiB pages; undefined when it can, as far as can be known before it is tried.
 *
 * @since 0.1.0
 * @category predicates
 */
export const hugePageShortage = (
  segments: ReadonlyArray<{ readonly size: number; readonly hostNode?: number | undefined }>,
  free: (hostNode?: number) => number = freeHugePages
): string | undefined => {
  const pages = (of: typeof segments): number => of.reduce((sum, segment) => sum + segment.size / hugePage, 0)
  const odd = segments.find((segment) => segment.size % hugePage !== 0)
  if (odd !== undefined) {
    return `performance_mode: WARNING: a run of ${odd.size / 1024 / 1024} MiB of guest memory is no multiple of 2 MiB, guest memory will use regular pages`
  }
  const short = (needed: number, available: number, where: string): string | undefined =>
    available >= needed
      ? undefined
      : available === 0
        ? `performance_mode: WARNING: no 2MB hugepages available${where}, guest memory will use regular pages`
        : `performance_mode: WARNING: need ${needed} 2MB hugepages${where}, only ${available} free — falling back to regular pages`
  const nodes = [...new Set(segments.flatMap(({ hostNode }) => (hostNode === undefined ? [] : [hostNode])))]
  return [
    short(pages(segments), free(), ""),
    ...nodes.map((node) =>
      short(pages(segments.filter(({ hostNode }) => hostNode === node)), free(node), ` on host NUMA node ${node}`)
    )
  ].find((warning) => warning !== undefined)
}
