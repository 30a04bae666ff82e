/**
 * Whether the host's reserve of 2 MiB pages suffices for a machine's memory.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"

const hugePage = 2 * 1024 * 1024

/**
 * Reads a count of pages. Pages reserved for a mapping but not yet touched count as free
 * (Documentation/admin-guide/mm/hugetlbpage.rst).
 */
const number = (path: string): number => {
  try {
    return Number(readFileSync(path, "utf8"))
  } catch {
    return 0
  }
}

const size = "hugepages-2048kB"

/**
 * Returns the number of 2 MiB pages available to a new mapping, on the host or on one of its NUMA nodes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const freeHugePages = (hostNode?: number): number => {
  if (hostNode !== undefined) {
    // Nodes do not count reservations.
    return number(`/sys/devices/system/node/node${hostNode}/hugepages/${size}/free_hugepages`)
  }
  const pool = `/sys/kernel/mm/hugepages/${size}`
  return Math.max(0, number(`${pool}/free_hugepages`) - number(`${pool}/resv_hugepages`))
}

/**
 * Returns a warning if the memory can't consist of 2 MiB pages; undefined if it can, as far as that is known in
 * advance.
 *
 * @since 0.1.0
 * @category predicates
 */
export const hugePageShortage = (
  segments: ReadonlyArray<{ readonly size: number; readonly hostNode?: number | undefined }>,
  free: (hostNode?: number) => number = freeHugePages
): string | undefined => {
  const pages = (parts: typeof segments): number => parts.reduce((sum, segment) => sum + segment.size / hugePage, 0)
  const odd = segments.find((segment) => segment.size % hugePage !== 0)
  if (odd !== undefined) {
    return `performance_mode: WARNING: a run of ${odd.size / 1024 / 1024} MiB of guest memory is not a multiple of 2 MiB, guest memory will use regular pages`
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
