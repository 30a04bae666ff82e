/**
 * What a kernel's own scheduler is called.
 *
 * @since 0.2.0
 */
import { compareVersions } from "./Version.ts"

/** EEVDF took CFS's place in 6.6. */
const firstEevdf = "6.6"

/**
 * `default`: the kernel did not say which release it is.
 *
 * @since 0.2.0
 * @category models
 */
export type KernelSchedulerName = "cfs" | "eevdf" | "default"

/**
 * The scheduler of ordinary tasks in a kernel of this release (`uname -r`), by which results name it.
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
 * Whether a name stands for the kernel's own scheduler. Each of them may be asked for on any kernel.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isKernelScheduler = (name: string): boolean => names.includes(name)

/**
 * Why a scheduler that was asked for by this name is not what runs, in one line; undefined: it is.
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
