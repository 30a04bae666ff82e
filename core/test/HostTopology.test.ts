import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestTopology } from "../src/index.ts"
import { readHostTopology } from "../src/topology/index.ts"

const sysfs = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), "ktstr-sysfs-"))
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, "devices/system", name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${text}\n`)
  }
  return root
}

const twoLlcs = {
  "cpu/online": "0-3",
  ...Object.fromEntries(
    [0, 1, 2, 3].flatMap((cpu) => [
      [`cpu/cpu${cpu}/topology/physical_package_id`, "0"],
      [`cpu/cpu${cpu}/topology/core_id`, String(cpu)],
      [`cpu/cpu${cpu}/cache/index0/shared_cpu_list`, String(cpu)],
      [`cpu/cpu${cpu}/cache/index10/shared_cpu_list`, cpu < 2 ? "0-1" : "2-3"],
      [`cpu/cpu${cpu}/cache/index2/shared_cpu_list`, String(cpu)]
    ])
  ),
  "node/online": "0-1",
  "node/node0/cpulist": "0-1",
  "node/node0/meminfo": "Node 0 MemTotal:        1024 kB",
  "node/node0/distance": "10 21",
  "node/node1/cpulist": "2-3",
  "node/node1/meminfo": "Node 1 MemTotal:        2048 kB",
  "node/node1/distance": "21 10"
}

const read = (files: Readonly<Record<string, string>>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => sysfs(files)),
    readHostTopology,
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  ).pipe(Effect.provide(NodeFileSystem.layer))

describe("readHostTopology", () => {
  it.effect("reads caches, nodes and distances", () =>
    Effect.gen(function* () {
      const host = yield* read(twoLlcs)
      expect(host.cpus[3]).toEqual({ cpu: 3, node: 1, package: 0, coreId: 3, llcId: 2 })
      const topology = TestTopology.fromSysfs(host)
      expect(topology.splitByLlc().map(String)).toEqual(["0-1", "2-3"])
      expect(topology.distance(0, 1)).toBe(21)
      expect(topology.nodeMeminfo(1)).toBe(2048)
    })
  )

  it.effect("does without cache directories and without NUMA", () =>
    Effect.gen(function* () {
      const host = yield* read({
        "cpu/online": "0,2",
        "cpu/cpu0/topology/core_id": "0",
        "cpu/cpu0/topology/package_cpus_list": "0,2",
        "cpu/cpu2/topology/core_id": "1",
        "cpu/cpu2/topology/package_cpus_list": "0,2"
      })
      expect(host.cpus.map(({ llcId }) => llcId)).toEqual([0, 0])
      expect(host.nodes).toHaveLength(1)
      expect(host.nodes[0]).toMatchObject({ node: 0, cpulist: "0,2" })
    })
  )

  it.effect("reads this machine", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const online = (yield* fs.readFileString("/sys/devices/system/cpu/online")).trim()
      const host = yield* readHostTopology()
      expect(TestTopology.fromSysfs(host).allCpus.toString()).toBe(online)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
