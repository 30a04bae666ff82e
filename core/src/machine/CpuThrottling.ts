/**
 * CPU quotas of the cgroups that a process belongs to.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"

const root = "/sys/fs/cgroup"

/**
 * Returns the folders whose `cpu.stat` covers a process's quotas: its cgroup and all ancestors, in cgroup v1 and v2. `text` is the content of
 * `/proc/PID/cgroup`.
 *
 * @since 0.2.0
 * @category parsing
 */
export const quotaFolders = (text: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line) => {
    const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined || controllers === undefined) return []
    const mounts =
      number === "0"
        ? [root, `${root}/unified`]
        : controllers.split(",").includes("cpu")
          ? [`${root}/${controllers}`, `${root}/cpu`]
          : []
    const names = path.split("/").filter((name) => name !== "")
    return mounts.flatMap((mount) =>
      [...names.keys(), names.length].map((depth) => [mount, ...names.slice(0, depth)].join("/"))
    )
  })

/**
 * Returns how long a cgroup has been throttled, in milliseconds. `text` is the content of its `cpu.stat`.
 *
 * @since 0.2.0
 * @category parsing
 */
export const throttledMs = (text: string): number => {
  const v2 = /^throttled_usec (\d+)$/m.exec(text)?.[1]
  const v1 = /^throttled_time (\d+)$/m.exec(text)?.[1]
  return v2 !== undefined ? Number(v2) / 1e3 : v1 !== undefined ? Number(v1) / 1e6 : 0
}

const hasQuota = (folder: string): boolean => {
  for (const [file, unlimited] of [
    ["cpu.max", "max"],
    ["cpu.cfs_quota_us", "-1"]
  ] as const) {
    try {
      return !fs.readFileSync(`${folder}/${file}`, "utf8").startsWith(unlimited)
    } catch {
      // The file of the other cgroup version, or the controller is not enabled there.
    }
  }
  return false
}

/**
 * Measures how long CPU quotas keep a process from running. Returns undefined if no quota applies to the process now. `next` returns the milliseconds
 * added since the previous call, for the most throttled cgroup.
 *
 * @since 0.2.0
 * @category constructors
 */
export const openThrottling = (pid: number): { readonly next: () => number } | undefined => {
  let folders: ReadonlyArray<string> = []
  try {
    folders = quotaFolders(fs.readFileSync(`/proc/${pid}/cgroup`, "utf8")).filter(hasQuota)
  } catch {
    return undefined
  }
  if (folders.length === 0) return undefined
  const read = (folder: string): number => {
    try {
      return throttledMs(fs.readFileSync(`${folder}/cpu.stat`, "utf8"))
    } catch {
      return 0
    }
  }
  let before = folders.map(read)
  return {
    next: () => {
      const now = folders.map(read)
      const added = now.map((ms, at) => ms - before[at]!)
      before = now
      return Math.max(0, ...added)
    }
  }
}
