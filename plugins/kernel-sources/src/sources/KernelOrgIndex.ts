/**
 * Parses kernel.org's `releases.json` and the checksum lists beside its tarballs, and finds the release that a `--kernel` value means.
 *
 * @since 0.1.0
 */

import { decodeOutside, parseOutsideJson } from "@ktstr/core/image"
import { compareVersions, isVersionPrefix } from "@ktstr/core/kernel"
import { Either, Option, Schema } from "effect"

/**
 * The fields of an entry of https://www.kernel.org/releases.json that ktstr reads.
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
  /** One line for each skipped entry that is not a release. */
  readonly passedOver: ReadonlyArray<string>
}

/**
 * A `--kernel` value that means a release of kernel.org.
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
 * Parses a version; none for anything else, such as a path, a cache key or the spec of another source. A leading `kernel.org:` is allowed.
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
 * Parses releases.json. Entries that are not releases are skipped. Left: one line that says why the text is unusable, such as
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

/** Series with a lower patch count as too young to test schedulers on. */
const settledPatch = 8

const released = (index: ReleaseIndex): ReadonlyArray<string> =>
  index.releases
    .filter(({ moniker }) => moniker === "stable" || moniker === "longterm")
    .map(({ version }) => version)
    .filter((version) => /^\d+\.\d+(\.\d+)?$/.test(version))
    .sort(compareVersions)

const last = (versions: ReadonlyArray<string>): Option.Option<string> => Option.fromNullable(versions.at(-1))

/**
 * Returns the newest stable or longterm release with a patch of at least 8.
 *
 * @since 0.1.0
 * @category accessors
 */
export const newestRelease = (index: ReleaseIndex): Option.Option<string> =>
  last(released(index).filter((version) => Number(version.split(".")[2] ?? 0) >= settledPatch))

/**
 * Returns the highest patch of a series such as `6.14`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const seriesRelease = (index: ReleaseIndex, series: string): Option.Option<string> =>
  last(released(index).filter((version) => isVersionPrefix(series, version)))

/**
 * Returns whether a version lies between `from` and `to`; an end such as `6.16` includes its whole series.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInRange = (version: string, from: string, to: string): boolean =>
  (compareVersions(version, from) >= 0 || isVersionPrefix(from, version)) &&
  (compareVersions(version, to) <= 0 || isVersionPrefix(to, version))

/**
 * Returns stable and longterm releases between `from` and `to`, oldest first; an end such as `6.16` includes its whole series.
 *
 * @since 0.1.0
 * @category accessors
 */
export const releasesInRange = (index: ReleaseIndex, from: string, to: string): ReadonlyArray<string> =>
  released(index).filter((version) => isInRange(version, from, to))

/**
 * Returns the series with a release that releases.json does not mark as past its end of life.
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
 * Returns SHA-256 by file name from the signed `sha256sums.asc` of a directory. It lists every tarball ever published, including those of ended series.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseChecksums = (text: string): ReadonlyMap<string, string> =>
  new Map(Array.from(text.matchAll(/^([0-9a-f]{64}) [ *](\S+)$/gm), (match) => [match[2] ?? "", match[1] ?? ""]))

/**
 * Returns the highest patch of a series among the tarballs of a checksum list.
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
