/**
 * Tells which kernels get no more fixes, as far as that is known without waiting for the network.
 *
 * @since 0.1.0
 */
import { FileSystem, type HttpClient, Path } from "@effect/platform"
import { compareVersions } from "@ktstr/core/kernel"
import { Clock, Duration, Effect, Either, Option } from "effect"
import { downloadText } from "../http/index.ts"
import { releaseIndexUrl } from "./KernelOrgAddresses.ts"
import { livingSeries, parseReleaseIndex, type ReleaseIndex } from "./KernelOrgIndex.ts"

/** Copy of releases.json in the cache directory; empty after a failed try. */
const copyName = ".releases.json"

/** A copy is good for a day; a server that could not be reached is left alone for an hour. */
const freshMs = { copy: 24 * 60 * 60 * 1000, failure: 60 * 60 * 1000 } as const

/** A listing must not wait longer for a network that does not answer. */
const patience = Duration.seconds(3)

const seriesOf = (version: string): string | undefined => /^\d+\.\d+/.exec(version)?.[0]

/**
 * Returns whether a version belongs to a series that kernel.org has ended: the index lists it as ended or no longer, and it is older than the newest
 * there.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isEndOfLife = (index: ReleaseIndex, version: string): boolean => {
  const series = seriesOf(version)
  const living = livingSeries(index)
  const newest = [...living].sort(compareVersions).at(-1)
  return series !== undefined && newest !== undefined && !living.has(series) && compareVersions(series, newest) < 0
}

/**
 * Returns the list of releases: the copy in the cache directory, refreshed once a day if possible; none if there is neither. Never fails,
 * and writes only into a directory that exists.
 *
 * @since 0.1.0
 * @category constructors
 */
export const knownReleases: (
  kernels: string
) => Effect.Effect<Option.Option<ReleaseIndex>, never, HttpClient.HttpClient | FileSystem.FileSystem | Path.Path> =
  Effect.fn("EndOfLife.knownReleases")(function* (kernels: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const copy = path.join(kernels, copyName)
    const now = yield* Clock.currentTimeMillis
    const text = yield* Effect.orElseSucceed(fs.readFileString(copy), () => "")
    const age = yield* Effect.match(fs.stat(copy), {
      onFailure: () => Number.POSITIVE_INFINITY,
      onSuccess: ({ mtime }) => now - Option.match(mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
    })
    const kept = Either.getRight(parseReleaseIndex(text))
    if (age < (Option.isSome(kept) ? freshMs.copy : freshMs.failure)) return kept
    const fetched = yield* Effect.flatMap(releaseIndexUrl, (url) => downloadText(url, 1)).pipe(
      Effect.timeout(patience),
      Effect.filterOrFail((answer) => Either.isRight(parseReleaseIndex(answer))),
      Effect.option
    )
    // An old copy is kept, and the next try waits.
    const next = Option.getOrElse(fetched, () => text)
    const temporary = `${copy}.${crypto.randomUUID().slice(0, 8)}`
    yield* fs.writeFileString(temporary, next).pipe(
      Effect.zipRight(fs.rename(temporary, copy)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
      Effect.ignore
    )
    return Either.getRight(parseReleaseIndex(next))
  })
