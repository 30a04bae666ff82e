import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { findCgroupMount } from "../src/machine/index.ts"
import { hostScheduler } from "../src/run/index.ts"

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E, FileSystem.FileSystem>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-host-"))),
    use,
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ).pipe(Effect.provide(NodeFileSystem.layer))

/** A machine's mounts, each cgroup2 with these controllers. */
const machine = (folder: string, mounts: Readonly<Record<string, string>>): string => {
  const lines = Object.entries(mounts).map(([name, controllers]) => {
    const point = join(folder, name)
    mkdirSync(point)
    writeFileSync(join(point, "cgroup.controllers"), `${controllers}\n`)
    return `30 24 0:27 / ${point.replaceAll(" ", "\\040")} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`
  })
  const mountinfo = join(folder, "mountinfo")
  const others = ["22 1 8:1 / / rw - ext4 /dev/sda1 rw", "31 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"]
  writeFileSync(mountinfo, [...others, ...lines, ""].join("\n"))
  return mountinfo
}

describe("findCgroupMount", () => {
  it.effect("gives the first cgroup2 with cpuset and cpu, blanks in its path and all", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const mountinfo = machine(folder, { unified: "hugetlb", "with blank": "cpuset cpu io memory" })
        expect(yield* findCgroupMount(mountinfo)).toBe(join(folder, "with blank"))
      })
    )
  )

  it.effect("says which controllers are not there, and what is", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(findCgroupMount(machine(folder, { one: "hugetlb", two: "cpu io" })))
        expect(error.reason).toBe("NoController")
        expect(error.message).toContain(`${folder}/one has no controller cpuset and no cpu (it has: hugetlb)`)
        expect(error.message).toContain(`${folder}/two has no controller cpuset (it has: cpu, io)`)
        expect(error.message).not.toContain("\n")
      })
    )
  )

  it.effect("says that there is none", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(findCgroupMount(machine(folder, {})))
        expect(error).toMatchObject({
          reason: "NoCgroup2",
          message: expect.stringContaining("no cgroup v2 is mounted")
        })
        expect((yield* Effect.flip(findCgroupMount(join(folder, "nonesuch")))).reason).toBe("NoCgroup2")
      })
    )
  )

  it.effect("says that it may not be written", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const mountinfo = machine(folder, { unified: "cpuset cpu" })
        const fs = yield* FileSystem.FileSystem
        // Root may write whatever the mode says.
        const refusing = { ...fs, access: () => fs.access(join(folder, "nonesuch")) }
        const error = yield* findCgroupMount(mountinfo).pipe(
          Effect.provideService(FileSystem.FileSystem, refusing),
          Effect.flip
        )
        expect(error).toMatchObject({ reason: "NoRights", message: expect.stringContaining("run it as root") })
      })
    )
  )
})

describe("hostScheduler", () => {
  it.effect("is the running sched_ext one, else the kernel's own", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        expect(yield* hostScheduler("6.12.107+deb13-amd64", folder)).toBe("eevdf")
        expect(yield* hostScheduler("6.1.0-44-amd64", folder)).toBe("cfs")
        mkdirSync(join(folder, "kernel/sched_ext/root"), { recursive: true })
        writeFileSync(join(folder, "kernel/sched_ext/root/ops"), "lavd_1.0.17\n")
        expect(yield* hostScheduler("7.3.4", folder)).toBe("lavd_1.0.17")
      })
    )
  )
})
