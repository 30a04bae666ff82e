import type { CpuSet } from "../topology/index.ts"

/** What the compiler knows of a cgroup at one point of the plan. */
interface Known {
  cpuset: CpuSet | undefined
  frozen: boolean
}

/** Returns the path and all its ancestors, outermost first. */
export const pathAndAbove = (path: string): ReadonlyArray<string> => {
  const parts = path.split("/")
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"))
}

/**
 * The cgroups of a plan during compilation: which exist, and which CPUs the kernel will let each of them use
 * (Documentation/admin-guide/cgroup-v2.rst, cpuset.cpus.effective).
 */
export class CgroupState {
  private readonly known = new Map<string, Known>()
  private readonly everCreated = new Set<string>()
  /** The last cpuset of each cgroup, including removed ones. */
  private readonly lastCpuset = new Map<string, CpuSet | undefined>()
  private readonly allCpus: CpuSet

  constructor(allCpus: CpuSet) {
    this.allCpus = allCpus
  }

  /** Creates a cgroup with its ancestors; returns the new paths, outermost first. */
  create(path: string): ReadonlyArray<string> {
    const added = pathAndAbove(path).filter((above) => !this.known.has(above))
    for (const above of added) {
      this.known.set(above, { cpuset: undefined, frozen: false })
      this.everCreated.add(above)
      this.lastCpuset.set(above, undefined)
    }
    return added
  }

  /** Removes the cgroup and everything below it; returns whether it existed. */
  remove(path: string): boolean {
    const existed = this.known.has(path)
    for (const name of [...this.known.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.known.delete(name)
    }
    return existed
  }

  exists(path: string): boolean {
    return path === "" || this.known.has(path)
  }

  wasEverCreated(path: string): boolean {
    return path === "" || this.everCreated.has(path)
  }

  get names(): ReadonlyArray<string> {
    return [...this.everCreated]
  }

  setCpuset(path: string, cpuset: CpuSet | undefined): void {
    const found = this.known.get(path)
    if (found === undefined) return
    found.cpuset = cpuset
    this.lastCpuset.set(path, cpuset)
  }

  cpusetOf(path: string): CpuSet | undefined {
    return this.known.get(path)?.cpuset
  }

  /** Returns its last cpuset, even if it has been removed. */
  lastCpusetOf(path: string): CpuSet | undefined {
    return this.lastCpuset.get(path)
  }

  setFrozen(path: string, frozen: boolean): void {
    const found = this.known.get(path)
    if (found !== undefined) found.frozen = frozen
  }

  /** Returns the outermost frozen cgroup among the path and its ancestors. */
  frozenAt(path: string): string | undefined {
    return path === "" ? undefined : pathAndAbove(path).find((above) => this.known.get(above)?.frozen === true)
  }

  /** Returns whether it or an ancestor has a cpuset of its own. */
  isConfined(path: string): boolean {
    return path !== "" && pathAndAbove(path).some((above) => this.cpusetOf(above) !== undefined)
  }

  /** Returns the CPUs that its tasks may use: its own cpuset within its parent's, or the parent's if the intersection is empty. */
  effective(path: string): CpuSet {
    if (path === "") return this.allCpus
    return pathAndAbove(path).reduce((above, name) => {
      const own = this.cpusetOf(name)?.intersect(above)
      return own === undefined || own.isEmpty ? above : own
    }, this.allCpus)
  }

  /** Returns a text that is equal for equal states. */
  snapshot(): string {
    return JSON.stringify([...this.known].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
