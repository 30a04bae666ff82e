/**
 * From what the user said about kernels to a bootable image.
 *
 * @since 0.1.0
 */
import { Context, type Effect } from "effect"
import type { KernelError } from "./Error.ts"

/**
 * A kernel that can be booted.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedKernel {
  /** Path of the bzImage, or of the ELF when that is what was named. */
  readonly image: string
  /** Path of the uncompressed ELF where known. */
  readonly vmlinux: string | undefined
  /** Path of the configuration it was built with, where the cache has it. */
  readonly config?: string | undefined
  /** Version or release as far as the host knows it before the guest speaks, e.g. `7.3.4+deb13-amd64`. */
  readonly version: string
  /** Cache key; undefined for an image outside the cache. */
  readonly key: string | undefined
  /** Where it came from: `--kernel`, `KTSTR_TEST_KERNEL`, `KTSTR_KERNEL`, `cache`, `/boot`… */
  readonly origin: string
  /** Name that results carry, e.g. `kernel_distro_7_3_4_deb13_amd64` or `kernel_path_bzImage_1a2b3c`. */
  readonly label?: string | undefined
  /** CONFIG_SCHED_CLASS_EXT as far as the host knows before the guest speaks. */
  readonly schedExt?: boolean | undefined
  /** Of one without sched_ext: the key of a kernel in the cache that has it. */
  readonly instead?: string | undefined
}

/**
 * Resolves kernels in the order of the discovery chain. A version or key that was named and is absent is never
 * replaced by another kernel.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelResolver extends Context.Tag("@ktstr/core/KernelResolver")<
  KernelResolver,
  {
    /** `named` is the value of `--kernel`; undefined: the environment, then the cache, then the machine's own kernels. */
    readonly resolve: (named: string | undefined) => Effect.Effect<ResolvedKernel, KernelError>
    /**
     * The kernels of several `--kernel` values, in their order, ranges expanded and what is named twice taken once, each with a label of its own;
     * `KTSTR_KERNEL_PARALLELISM` (default 4) of them at a time. Fails when one fails, with a line for each that did; names that are nowhere
     * to be had are told before anything is fetched. None named is what `resolve(undefined)` gives.
     */
    readonly resolveAll: (named: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<ResolvedKernel>, KernelError>
  }
>() {}
