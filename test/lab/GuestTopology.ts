// A guest's topology as its own user space sees it: sysfs and hwloc, converted to the form of the request.
import { CpuSet, type Topology } from "@ktstr/core"

/** CPUs in the kernel's list format; cores and LLCs by their first CPU. */
export interface SeenTopology {
  readonly llcs: ReadonlyArray<string>
  readonly cores: ReadonlyArray<string>
  /** By node number. */
  readonly nodes: ReadonlyArray<{ readonly cpus: string; readonly distances: ReadonlyArray<number> }>
}

/** What the guest should see. */
export const asked = (topology: Topology): SeenTopology => {
  const { cpus, threadsPerCore } = topology
  return {
    llcs: Array.from({ length: topology.llcs }, (_, llc) => `${topology.cpusInLlc(llc)}`),
    cores: Array.from({ length: cpus / threadsPerCore }, (_, core) =>
      CpuSet.range(core * threadsPerCore, threadsPerCore).toString()
    ),
    nodes: topology.nodes.map(({ index }) => ({
      cpus: `${topology.cpusInNode(index)}`,
      distances: topology.distances[index] ?? []
    }))
  }
}

/** For the guest's sh, with hwloc-ls beside it: the kernel's release, what sysfs says, what hwloc says. */
export const lookScript = `
echo release $(uname -r)
cd /sys/devices/system/cpu
for cpu in cpu[0-9]*; do
  echo cpu $(cat $cpu/cache/index3/shared_cpu_list $cpu/topology/thread_siblings_list)
done
cd ../node
for node in node[0-9]*; do
  echo node $node "$(cat $node/cpulist)" : $(cat $node/distance)
done
hwloc-ls --no-io --of xml`

const firstCpu = (list: string): number => Number(/^\d+/.exec(list)?.[0])
const distinct = (lists: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(lists)].sort((a, b) => firstCpu(a) - firstCpu(b))
const numbers = (text: string): ReadonlyArray<number> => text.trim().split(/\s+/).map(Number)

/** From the output of {@link lookScript}. */
export const seenBySysfs = (output: string): SeenTopology => {
  const cpus = [...output.matchAll(/^cpu (\S+) (\S+)$/gm)]
  const nodes = [...output.matchAll(/^node node(\d+) (\S*) ?: (.*)$/gm)]
  return {
    llcs: distinct(cpus.map(([, llc = ""]) => llc)),
    cores: distinct(cpus.map(([, , core = ""]) => core)),
    nodes: nodes
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([, , list = "", distances = ""]) => ({ cpus: list, distances: numbers(distances) }))
  }
}

/** hwloc writes sets as hexadecimal words, `0x00000001,0x0000003f`. */
const cpuList = (mask: string): string => {
  const bits = BigInt(`0x${mask.replaceAll(/0x|,/g, "")}`).toString(2)
  return CpuSet.of(...[...bits].reverse().flatMap((bit, cpu) => (bit === "1" ? [cpu] : []))).toString()
}

/**
 * From the output of {@link lookScript}. hwloc shows a node without CPUs beside those that are nearest to it and gives it theirs; here it has none
 * where another node has the same.
 */
export const seenByHwloc = (output: string): SeenTopology => {
  const sets = (type: string) =>
    [...output.matchAll(new RegExp(`<object type="${type}" os_index="(\\d+)" cpuset="([^"]*)"`, "g"))].map(
      ([, index = "", mask = ""]) => ({ index: Number(index), cpus: cpuList(mask) })
    )
  const values = /<u64values[^>]*>([^<]*)<\/u64values>/g
  const table = [...output.matchAll(values)].flatMap(([, row = ""]) => numbers(row))
  const found = sets("NUMANode").sort((a, b) => a.index - b.index)
  // A single node has no table.
  const distances = found.length === 1 ? [10] : table
  const taken = new Set<string>()
  const nodes = found.map(({ cpus }, row) => {
    const own = taken.has(cpus) ? "" : cpus
    taken.add(cpus)
    return { cpus: own, distances: distances.slice(row * found.length, (row + 1) * found.length) }
  })
  return {
    llcs: distinct(sets("L3Cache").map(({ cpus }) => cpus)),
    cores: distinct(sets("Core").map(({ cpus }) => cpus)),
    nodes
  }
}
