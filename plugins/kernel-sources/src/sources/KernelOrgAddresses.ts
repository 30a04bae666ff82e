/**
 * Addresses of kernel.org's lists and tarballs.
 *
 * @since 0.2.0
 */
import { Config, Effect } from "effect"

/**
 * The three servers of kernel.org; one server for all three with `KTSTR_KERNEL_ORG`, e.g. a mirror inside a company.
 *
 * @since 0.2.0
 * @category constants
 */
export const kernelOrgAddresses = Config.nonEmptyString("KTSTR_KERNEL_ORG").pipe(
  Effect.map((base) => base.replace(/\/+$/, "")),
  Effect.map((base) => ({ index: base, tarballs: base, candidates: base })),
  Effect.orElseSucceed(() => ({
    index: "https://www.kernel.org",
    tarballs: "https://cdn.kernel.org",
    candidates: "https://git.kernel.org"
  }))
)

/**
 * Returns the folder with the tarballs of a version's major series.
 *
 * @since 0.2.0
 * @category constants
 */
export const tarballDirectoryUrl = (version: string): Effect.Effect<string> =>
  Effect.map(kernelOrgAddresses, ({ tarballs }) => `${tarballs}/pub/linux/kernel/v${version.split(".")[0]}.x`)

/**
 * Returns the address of kernel.org's list of releases.
 *
 * @since 0.1.0
 * @category constants
 */
export const releaseIndexUrl: Effect.Effect<string> = Effect.map(
  kernelOrgAddresses,
  ({ index }) => `${index}/releases.json`
)
