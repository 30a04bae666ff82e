/**
 * Resolves names of kernels, as users write them, to bootable images.
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
  /** Path of the bzImage, or of the ELF if the user named one. */
  readonly image: string
  /** Path of the uncompressed ELF, if known. */
  readonly vmlinux: string | undefined
  /** Path of the configuration it was built with, if the cache has it. */
  readonly config?: string | undefined
  /** Version or release, as far as the host knows it before the guest reports its own, e.g. `7.3.4+deb13-amd64`. */
  readonly version: string
  /** Cache key; undefined for an image outside the cache. */
  readonly key: string | undefined
  /** Where it was found or named: `--kernel`, `KTSTR_TEST_KERNEL`, `KTSTR_KERNEL`, `cache`, `/boot`… */
  readonly origin: string
  /** Label used in results, e.g. `kernel_distro_7_3_4_deb13_amd64` or `kernel_path_bzImage_1a2b3c`. */
  readonly label?: string | undefined
  /** Whether CONFIG_SCHED_CLASS_EXT is set, as far as the host knows before the guest reports. */
  readonly schedExt?: boolean | undefined
  /** For a kernel without sched_ext: the key of a cached kernel that has it. */
  readonly schedExtAlternative?: string | undefined
}

/**
 * Resolves kernels in the order of the discovery chain. If a named version or key is absent, no other kernel replaces it.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelResolver extends Context.Tag("@ktstr/core/KernelResolver")<
  KernelResolver,
  {
    /**
     * Resolves one kernel. `named` is the value of `--kernel`; if undefined, the environment is tried first, then the cache, then this machine's own
     * kernels.
     */
    readonly resolve: (named: string | undefined) => Effect.Effect<ResolvedKernel, KernelError>
    /**
     * Resolves several `--kernel` values in order: expands ranges, drops duplicates and gives each kernel a unique label. Fetches
     * `KTSTR_KERNEL_PARALLELISM` (default 4) kernels concurrently. Fails if any kernel fails, with one line per failure; unknown names are reported
     * before anything is fetched. An empty list gives the result of `resolve(undefined)`.
     */
    readonly resolveAll: (named: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<ResolvedKernel>, KernelError>
  }
>() {}
