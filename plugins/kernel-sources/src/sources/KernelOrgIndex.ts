/**
 * What kernel.org offers, by its `releases.json` and the checksum lists beside its tarballs, and which release a `--kernel` value means.
 *
 * @since 0.1.0
 */

import { decodeOutside, parseOutsideJson } from "@ktstr/core/image"
import { compareVersions, isVersionPrefix } from "@ktstr/core/kernel"
import { Either, Option, Schema } from "effect"

/**
 * An entry of https://www.kernel.org/releases.json, as far as it is looked at.
 *
 * @since 0.2.0
 * @category models
 */
export const Release = Schema.Struct({
  /** `7.3.4`, `7.4-rc2`, `next-20261120`. */
  version: Schema.NonEmptyString,
  /** `mainline`, `stable`, `longterm` or `linux-next`. */
  moniker: Schema.String,
  iseol: Schema.Boolean
})

/**
 * kernel.org's list of releases.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReleaseIndex {
  readonly releases: ReadonlyArray<typeof Release.Type>
  /** A line for each entry that is not a release and was passed over. */
  readonly passedOver: ReadonlyArray<string>
}

/**
 * A `--kernel` value that kernel.org answers for.
 *
 * @since 0.1.0
 * @category models
 */
export type KernelOrgSpec =
  | { readonly _tag: "Newest" }
  | { readonly _tag: "Exact"; readonly version: string }
  /** `6.14`: the highest patch of that series. */
  | { readonly _tag: "Series"; readonly series: string }
  /** `6.15-rc3`: from the git server, which has release candidates until the release is out. */
  | { readonly _tag: "Candidate"; readonly version: string }
  /** `6.12..6.16`, both ends included. */
  | { readonly _tag: "Range"; readonly from: string; readonly to: string }

const patterns: ReadonlyArray<readonly [RegExp, (...parts: ReadonlyArray<string>) => KernelOrgSpec]> = [
  [/^(?:kernel\.org:?)?$/, () => ({ _tag: "Newest" })],
  [/^(\d+\.\d+\.\d+)$/, (version = "") => ({ _tag: "Exact", version })],
  [/^(\d+\.\d+)$/, (series = "") => ({ _tag: "Series", series })],
  [/^(\d+\.\d+-rc\d+)$/, (version = "") => ({ _tag: "Candidate", version })],
  [/^(\d+\.\d+(?:\.\d+)?)\.\.(\d+\.\d+(?:\.\d+)?)$/, (from = "", to = "") => ({ _tag: "Range", from, to })]
]

/**
 * None for what is no version, such as a path, a cache key or the spec of another source. A leading `kernel.org:` is allowed.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseKernelOrgSpec = (text: string | undefined): Option.Option<KernelOrgSpec> => {
  const body = (text ?? "").replace(/^kernel\.org:/, "")
  for (const [pattern, make] of patterns) {
    const match = pattern.exec(body)
    if (match !== null) return Option.some(make(...match.slice(1)))
  }
  return Option.none()
}

/**
 * Reads releases.json. Entries that are not releases are passed over. Left: one line that says why nothing of the text is usable, such as
 * `not JSON: an HTML page`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseReleaseIndex = (text: string): Either.Either<ReleaseIndex, string> =>
  Either.flatMap(parseOutsideJson(text), (value) => {
    const listed = typeof value === "object" && value !== null && "releases" in value ? value.releases : undefined
    if (!Array.isArray(listed)) return Either.left("it has no list 'releases'")
    const entries = listed.map((entry: unknown) => decodeOutside(Release, entry))
    const releases = entries.flatMap((entry) => (Either.isRight(entry) ? [entry.right] : []))
    const passedOver = entries.flatMap((entry, at) => (Either.isLeft(entry) ? [`releases[${at}]: ${entry.left}`] : []))
    const [why] = passedOver
    if (releases.length === 0 && why !== undefined) return Either.left(`none of its entries is a release; ${why}`)
    return Either.right({ releases, passedOver })
  })

/** Patch below which a series is taken for too young to test schedulers on. */
const settledPatch = 8

const released = (index: ReleaseIndex): ReadonlyArray<string> =>
  index.releases
    .filter(({ moniker }) => moniker === "stable" || moniker === "longterm")
    .map(({ version }) => version)
    .filter((version) => /^\d+\.\d+(\.\d+)?$/.test(version))
    .sort(compareVersions)

const last = (versions: ReadonlyArray<string>): Option.Option<string> => Option.fromNullable(versions.at(-1))

/**
 * The newest stable or longterm release with a patch of at least 8.
 *
 * @since 0.1.0
 * @category accessors
 */
export const newestRelease = (index: ReleaseIndex): Option.Option<string> =>
  last(released(index).filter((version) => Number(version.split(".")[2] ?? 0) >= settledPatch))

/**
 * The highest patch of a series such as `6.14`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const seriesRelease = (index: ReleaseIndex, series: string): Option.Option<string> =>
  last(released(index).filter((version) => isVersionPrefix(series, version)))

/**
 * Whether a version lies from `from` to `to`; an end such as `6.16` includes its whole series.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInRange = (version: string, from: string, to: string): boolean =>
  (compareVersions(version, from) >= 0 || isVersionPrefix(from, version)) &&
  (compareVersions(version, to) <= 0 || isVersionPrefix(to, version))

/**
 * Stable and longterm releases from `from` to `to`, oldest first; an end such as `6.16` includes its whole series.
 *
 * @since 0.1.0
 * @category accessors
 */
export const releasesInRange = (index: ReleaseIndex, from: string, to: string): ReadonlyArray<string> =>
  released(index).filter((version) => isInRange(version, from, to))

/**
 * Series of which releases.json lists a release that is not marked as past its end of life.
 *
 * @since 0.1.0
 * @category accessors
 */
export const livingSeries = (index: ReleaseIndex): ReadonlySet<string> =>
  new Set(
    index.releases.flatMap(({ version, iseol }) => {
      const series = /^\d+\.\d+/.exec(version)?.[0]
      return series === undefined || iseol ? [] : [series]
    })
  )

/**
 * SHA-256 by file name, out of the signed `sha256sums.asc` of a directory. It lists every tarball there ever was, those of ended series too.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseChecksums = (text: string): ReadonlyMap<string, string> =>
  new Map(Array.from(text.matchAll(/^([0-9a-f]{64}) [ *](\S+)$/gm), (match) => [match[2] ?? "", match[1] ?? ""]))

/**
 * The highest patch of a series among the tarballs of a checksum list.
 *
 * @since 0.1.0
 * @category accessors
 */
export const seriesOfChecksums = (sums: ReadonlyMap<string, string>, series: string): Option.Option<string> =>
  last(
    [...sums.keys()]
      .flatMap((name) => /^linux-(\d+\.\d+(?:\.\d+)?)\.tar\.xz$/.exec(name)?.[1] ?? [])
      .filter((version) => isVersionPrefix(series, version))
      .sort(compareVersions)
  )
