import type { CpuSet } from "../topology/index.ts"

/** A cgroup as the compiler knows it at one point of the plan. */
interface Known {
  cpuset: CpuSet | undefined
  frozen: boolean
}

/** Every path above and including `path`, outermost first. */
export const pathAndAbove = (path: string): ReadonlyArray<string> => {
  const parts = path.split("/")
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"))
}

/**
 * The cgroups of a plan while it is compiled: which exist and which CPUs each may use, as the kernel will see it
 * (Documentation/admin-guide/cgroup-v2.rst, cpuset.cpus.effective).
 */
export class CgroupState {
  private readonly known = new Map<string, Known>()
  private readonly everCreated = new Set<string>()
  /** What was last set, removed cgroups included. */
  private readonly lastCpuset = new Map<string, CpuSet | undefined>()
  private readonly allCpus: CpuSet

  constructor(allCpus: CpuSet) {
    this.allCpus = allCpus
  }

  /** The paths that this creation adds, outermost first. */
  create(path: string): ReadonlyArray<string> {
    const added = pathAndAbove(path).filter((above) => !this.known.has(above))
    for (const above of added) {
      this.known.set(above, { cpuset: undefined, frozen: false })
      this.everCreated.add(above)
      this.lastCpuset.set(above, undefined)
    }
    return added
  }

  /** Forgets the cgroup and all below it; whether it was there. */
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

  /** The cpuset it had last, even when it is gone. */
  lastCpusetOf(path: string): CpuSet | undefined {
    return this.lastCpuset.get(path)
  }

  setFrozen(path: string, frozen: boolean): void {
    const found = this.known.get(path)
    if (found !== undefined) found.frozen = frozen
  }

  /** The nearest frozen cgroup at or above the path. */
  frozenAt(path: string): string | undefined {
    return path === "" ? undefined : pathAndAbove(path).find((above) => this.known.get(above)?.frozen === true)
  }

  /** Whether it or one above it has a cpuset of its own. */
  isConfined(path: string): boolean {
    return path !== "" && pathAndAbove(path).some((above) => this.cpusetOf(above) !== undefined)
  }

  /** The CPUs its tasks may use: its own set within its parent's, the parent's when nothing is left of it. */
  effective(path: string): CpuSet {
    if (path === "") return this.allCpus
    return pathAndAbove(path).reduce((above, name) => {
      const own = this.cpusetOf(name)?.intersect(above)
      return own === undefined || own.isEmpty ? above : own
    }, this.allCpus)
  }

  /** Equal texts mean equal states. */
  snapshot(): string {
    return JSON.stringify([...this.known].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
