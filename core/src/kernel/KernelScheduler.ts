/**
 * Names of the kernel's own scheduler.
 *
 * @since 0.2.0
 */
import { compareVersions } from "./Version.ts"

/** First release in which EEVDF replaced CFS. */
const firstEevdf = "6.6"

/**
 * Name of a kernel's own scheduler. `default`: the kernel's release is unknown.
 *
 * @since 0.2.0
 * @category models
 */
export type KernelSchedulerName = "cfs" | "eevdf" | "default"

/**
 * Returns the scheduler of ordinary tasks in a kernel of this release (`uname -r`). Results use this name.
 *
 * @since 0.2.0
 * @category accessors
 */
export const kernelScheduler = (release: string): KernelSchedulerName => {
  const version = /^v?(\d+\.\d+)/.exec(release.trim())?.[1]
  if (version === undefined) return "default"
  return compareVersions(version, firstEevdf) < 0 ? "cfs" : "eevdf"
}

const names: ReadonlyArray<string> = ["eevdf", "cfs", "default"] satisfies ReadonlyArray<KernelSchedulerName>

/**
 * Returns whether a name stands for the kernel's own scheduler. Any of the names may be requested on any kernel.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isKernelScheduler = (name: string): boolean => names.includes(name)

/**
 * Returns why the requested scheduler does not run on this kernel, in one line; undefined if it does.
 *
 * @since 0.2.0
 * @category accessors
 */
export const otherKernelScheduler = (asked: string, release: string): string | undefined => {
  const own = kernelScheduler(release)
  return !isKernelScheduler(asked) || asked === "default" || own === "default" || asked === own
    ? undefined
    : `kernel ${release} has no ${asked.toUpperCase()}, its own scheduler is ${own.toUpperCase()} (EEVDF took the place of CFS in ${firstEevdf}): --scheduler default names either`
}
