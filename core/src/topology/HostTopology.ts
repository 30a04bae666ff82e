/**
 * Reads the topology of the host from sysfs.
 *
 * @since 0.1.0
 */
import { FileSystem } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect } from "effect"
import { CpuSet } from "./CpuSet.ts"
import type { SysfsTopology } from "./TestTopology.ts"

const number = (text: string, otherwise: number): number => {
  const value = Number.parseInt(text, 10)
  return Number.isNaN(value) ? otherwise : value
}

/**
 * Reads the online CPUs and nodes (Documentation/ABI/stable/sysfs-devices-system-cpu, …-node). `llcId` is the lowest CPU that shares the highest
 * cache level; a CPU without cache directories, as in some virtual machines, gets the lowest CPU of its package. A kernel without NUMA has only node
 * 0.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readHostTopology = (sys = "/sys"): Effect.Effect<SysfsTopology, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const read = (path: string) => Effect.map(fs.readFileString(`${sys}/devices/system/${path}`), (text) => text.trim())
    const readOr = (path: string, otherwise: string) => Effect.orElseSucceed(read(path), () => otherwise)
    const online = CpuSet.parseLenient(yield* read("cpu/online"))
    const nodeNumbers = CpuSet.parseLenient(yield* readOr("node/online", ""))
    const nodes: Array<SysfsTopology["nodes"][number]> = []
    for (const node of nodeNumbers) {
      const meminfo = yield* readOr(`node/node${node}/meminfo`, "")
      nodes.push({
        node,
        cpulist: yield* readOr(`node/node${node}/cpulist`, ""),
        memTotalKb: number(/MemTotal:\s*(\d+)/.exec(meminfo)?.[1] ?? "", 0),
        distances: (yield* readOr(`node/node${node}/distance`, "")).split(/\s+/).filter(Boolean).map(Number)
      })
    }
    if (nodes.length === 0) {
      const meminfo = yield* Effect.orElseSucceed(fs.readFileString("/proc/meminfo"), () => "")
      const memTotalKb = number(/MemTotal:\s*(\d+)/.exec(meminfo)?.[1] ?? "", 0)
      nodes.push({ node: 0, cpulist: online.toString(), memTotalKb, distances: [10] })
    }
    const nodeOf = (cpu: number) => nodes.find(({ cpulist }) => CpuSet.parseLenient(cpulist).has(cpu))?.node ?? 0
    const cpus: Array<SysfsTopology["cpus"][number]> = []
    for (const cpu of online) {
      const packageId = number(yield* readOr(`cpu/cpu${cpu}/topology/physical_package_id`, ""), 0)
      const indices = (yield* Effect.orElseSucceed(
        fs.readDirectory(`${sys}/devices/system/cpu/cpu${cpu}/cache`),
        () => []
      ))
        .filter((name) => /^index\d+$/.test(name))
        .sort((a, b) => number(a.slice(5), 0) - number(b.slice(5), 0))
      const last = indices.at(-1)
      const shared = last === undefined ? "" : yield* readOr(`cpu/cpu${cpu}/cache/${last}/shared_cpu_list`, "")
      const package_ = yield* readOr(`cpu/cpu${cpu}/topology/package_cpus_list`, "")
      cpus.push({
        cpu,
        node: nodeOf(cpu),
        package: packageId,
        coreId: number(yield* readOr(`cpu/cpu${cpu}/topology/core_id`, ""), cpu),
        llcId: [...CpuSet.parseLenient(shared || package_)][0] ?? cpu
      })
    }
    return { cpus, nodes }
  }).pipe(Effect.withSpan("HostTopology.read"))
