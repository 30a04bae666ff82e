/**
 * `ktstr kernel list`: lists the kernels in the cache.
 *
 * @since 0.1.0
 */

import { ExitCode, type ReporterOutput } from "@ktstr/core"
import {
  type CacheEntry,
  KernelCache,
  type KernelEntry,
  type KernelObjects,
  listKernelObjects,
  toolVersion
} from "@ktstr/core/kernel"
import { layerLocalKernels } from "@ktstr/harness"
import {
  isEndOfLife,
  isInRange,
  kernelFragmentHash,
  knownReleases,
  layerHttp,
  parseKernelOrgSpec
} from "@ktstr/kernel-sources"
import { type Column, renderTable } from "@ktstr/reporters"
import { Effect, Option } from "effect"
import { type Invocation, UsageError } from "../parse/index.ts"
import { entryToJson, mebibytes, objectsText, sizeOf } from "./Kernel.ts"

/** Adds to a valid entry what the table and JSON show beyond its metadata. */
interface Marks {
  /** The kernel was built with a different configuration fragment. Only kernels that ktstr built have one. */
  readonly staleKconfig: boolean
  readonly staleKtstr: boolean
  /** Kernels of distributions are never marked: distributions maintain them themselves. */
  readonly endOfLife: boolean
}

type Row =
  | (Extract<CacheEntry, { readonly _tag: "Valid" }> & { readonly marks: Marks })
  | Extract<CacheEntry, { readonly _tag: "Corrupt" }>

const markText = ({ staleKconfig, staleKtstr, endOfLife }: Marks): string =>
  [
    ...(staleKconfig ? [" (stale kconfig)"] : []),
    ...(staleKtstr ? [" (stale ktstr)"] : []),
    ...(endOfLife ? [" (EOL)"] : [])
  ].join("")

const columns: ReadonlyArray<Column<Row>> = [
  { title: "key", cell: (row) => (row._tag === "Valid" ? row.entry.key : row.key) },
  { title: "version", cell: (row) => (row._tag === "Valid" ? row.entry.metadata.version : "") },
  {
    title: "sched_ext",
    cell: (row) => {
      if (row._tag === "Corrupt") return ""
      const { schedExt } = row.entry.metadata
      return schedExt === null ? "unknown" : schedExt ? "yes" : "no"
    }
  },
  { title: "size", align: "right", cell: (row) => (row._tag === "Valid" ? mebibytes(sizeOf(row.entry)) : "") },
  {
    title: "source",
    cell: (row) =>
      row._tag === "Valid"
        ? row.entry.metadata.source.description + markText(row.marks)
        : `(corrupt: ${row.corruption.error})`
  }
]

const toJson = (row: Row) =>
  row._tag === "Corrupt"
    ? entryToJson(row)
    : {
        ...entryToJson(row),
        stale_kconfig: row.marks.staleKconfig,
        stale_ktstr: row.marks.staleKtstr,
        eol: row.marks.endOfLife
      }

/** Returns whether an entry is in the range. A corrupt entry has no version, so it never is. */
const inRange = (text: string | undefined): Effect.Effect<(found: CacheEntry) => boolean, UsageError> => {
  if (text === undefined) return Effect.succeed(() => true)
  const parsed = Option.getOrUndefined(parseKernelOrgSpec(text))
  return parsed?._tag === "Range"
    ? Effect.succeed(
        (found) => found._tag === "Valid" && isInRange(found.entry.metadata.version, parsed.from, parsed.to)
      )
    : new UsageError({ message: `--range must be two versions as 6.12..6.16, got '${text}'` })
}

const footers = (
  rows: ReadonlyArray<Row>,
  objects: ReadonlyArray<KernelObjects>,
  kernels: string
): ReadonlyArray<string> => {
  const marked = (has: (marks: Marks) => boolean) => rows.some((row) => row._tag === "Valid" && has(row.marks))
  const rebuild = "Rebuild with: ktstr kernel build --refresh <entry version>"
  return [
    ...(rows.some(({ _tag }) => _tag === "Corrupt")
      ? [
          `warning: entries marked (corrupt) cannot be used — cached metadata is missing, malformed, or references a missing image. Inspect the entry directory under ${kernels} to remove it manually, or run \`ktstr kernel clean --corrupt-only --force\`, which removes only corrupt entries and leaves valid ones intact.`
        ]
      : []),
    ...(marked(({ staleKconfig }) => staleKconfig)
      ? [`warning: entries marked (stale kconfig) were built against a different ktstr.kconfig.\n${rebuild}`]
      : []),
    ...(marked(({ staleKtstr }) => staleKtstr)
      ? [`warning: entries marked (stale ktstr) were built with a different ktstr version.\n${rebuild}`]
      : []),
    ...(marked(({ endOfLife }) => endOfLife)
      ? ["note: entries marked (EOL) are of series that kernel.org no longer maintains; they get no more fixes."]
      : []),
    ...(objects.length > 0
      ? [
          `note: ${kernels} also has ${objectsText(objects)}, for their next builds; \`ktstr cleanup\` removes those unused for a week, \`ktstr kernel clean\` all, with the kernels.`
        ]
      : [])
  ]
}

const marksOf = ({ metadata }: KernelEntry, hash: string, hasEnded: (version: string) => boolean): Marks => ({
  staleKconfig: metadata.kconfigHash !== null && metadata.kconfigHash !== hash,
  staleKtstr: metadata.kconfigHash !== null && metadata.toolVersion !== toolVersion,
  endOfLife: metadata.source.type !== "distro" && hasEnded(metadata.version)
})

/**
 * Lists the entries of the cache, with a warning for each kind of mark.
 *
 * @since 0.1.0
 * @category commands
 */
export const kernelList = (invocation: Extract<Invocation, { command: "kernel list" }>, { out, err }: ReporterOutput) =>
  Effect.gen(function* () {
    const { json, range, verify } = invocation.values
    const isWanted = yield* inRange(range)
    const cache = yield* KernelCache
    const all = yield* verify ? cache.verify : cache.list
    const entries = all.filter(isWanted)
    const hash = yield* kernelFragmentHash
    const { kernels } = yield* cache.directories
    // Ask kernel.org only if some entry can be of one of its series.
    const asks = entries.some((found) => found._tag === "Valid" && found.entry.metadata.source.type !== "distro")
    const releases = asks ? yield* Effect.provide(knownReleases(kernels), layerHttp) : Option.none()
    const hasEnded = (version: string) => Option.isSome(releases) && isEndOfLife(releases.value, version)
    const rows = entries.map(
      (found): Row => (found._tag === "Corrupt" ? found : { ...found, marks: marksOf(found.entry, hash, hasEnded) })
    )
    const objects = yield* listKernelObjects(kernels)
    if (json) {
      const kept = objects.map(({ path, bytes = null }) => ({ path, bytes }))
      yield* out.write(
        `${JSON.stringify({ directory: kernels, entries: rows.map(toJson), objects: kept }, undefined, 2)}\n`
      )
    } else if (all.length === 0) {
      yield* err.write(`no kernels in ${kernels}; get one: ktstr kernel fetch\n`)
    } else if (rows.length === 0) {
      yield* err.write(`none of the ${all.length} kernels in ${kernels} is in ${range}\n`)
    } else {
      yield* out.write(`${renderTable(columns, rows).join("\n")}\n`)
    }
    for (const footer of footers(rows, objects, kernels)) yield* err.write(`${footer}\n`)
    return ExitCode.pass
  }).pipe(Effect.provide(layerLocalKernels))
