/**
 * Owner marks in the names of temporary files, which show after any crash that the owner is gone.
 *
 * @since 0.1.0
 */
import { FileSystem } from "@effect/platform"
import { Effect, Option } from "effect"

/**
 * Identifies one process, even among processes with the same PID at another time or in another place.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessMark {
  readonly pid: number
  /** Start time in clock ticks since boot: proc(5), field 22 of /proc/PID/stat. PIDs are reused, start times are not. */
  readonly startTime: number
  /** Inode of its PID namespace: containers may share directories, but not PIDs. */
  readonly pidNamespace: number
  /** First eight digits of the boot ID: start times begin again at each boot, and machines may share directories. */
  readonly bootId: string
}

/**
 * Parses PID, state and start time from /proc/PID/stat; undefined if the text is invalid.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseProcessStat = (
  stat: string
): { readonly pid: number; readonly state: string; readonly startTime: number } | undefined => {
  // The name in parentheses may contain any characters, including parentheses and blanks.
  const found = /^(\d+) \(.*\) (\S) (.*)$/s.exec(stat.trimEnd())
  const startTime = found?.[3]?.split(" ")[18]
  return found === null || startTime === undefined
    ? undefined
    : { pid: Number(found[1]), state: found[2]!, startTime: Number(startTime) }
}

/**
 * Makes the mark of a process from /proc/self/stat, the link /proc/self/ns/pid, and /proc/sys/kernel/random/boot_id. Returns undefined if one of them
 * can't be parsed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const processMarkOf = (stat: string, namespaceLink: string, bootId: string): ProcessMark | undefined => {
  const process = parseProcessStat(stat)
  const namespace = /^pid:\[(\d+)\]$/.exec(namespaceLink.trim())?.[1]
  const boot = /^[0-9a-f]{8}/.exec(bootId)?.[0]
  if (process === undefined || namespace === undefined || boot === undefined) return undefined
  return { pid: process.pid, startTime: process.startTime, pidNamespace: Number(namespace), bootId: boot }
}

/**
 * The mark of this process; none without /proc.
 *
 * @since 0.1.0
 * @category constructors
 */
export const currentProcess: Effect.Effect<Option.Option<ProcessMark>, never, FileSystem.FileSystem> = Effect.gen(
  function* () {
    const fs = yield* FileSystem.FileSystem
    const stat = yield* fs.readFileString("/proc/self/stat")
    const namespace = yield* fs.readLink("/proc/self/ns/pid")
    const bootId = yield* fs.readFileString("/proc/sys/kernel/random/boot_id")
    return Option.fromNullable(processMarkOf(stat, namespace, bootId))
  }
).pipe(Effect.orElseSucceed(Option.none))

const markPattern = /^(?:ktstr|\.tmp|\.old|\.build)-(\d+)-(\d+)-(\d+)-([0-9a-f]{8})-/

/**
 * Stem of a temporary name: `ktstr` in shared directories; in ktstr's caches, `.tmp` for files being written, `.old` for files being replaced, and
 * `.build` for directories of kernel builds.
 *
 * @since 0.1.0
 * @category models
 */
export type TemporaryStem = "ktstr" | ".tmp" | ".old" | ".build"

/**
 * Returns the prefix of a process's temporary files; without a mark, their owner can't be identified.
 *
 * @since 0.1.0
 * @category conversions
 */
export const temporaryPrefix = (mark: ProcessMark | undefined, stem: TemporaryStem = "ktstr"): string =>
  mark === undefined ? `${stem}-` : `${stem}-${mark.pid}-${mark.startTime}-${mark.pidNamespace}-${mark.bootId}-`

/**
 * Returns {@link temporaryPrefix} for this process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ownTemporaryPrefix = (
  stem: TemporaryStem = "ktstr"
): Effect.Effect<string, never, FileSystem.FileSystem> =>
  Effect.map(currentProcess, (mark) => temporaryPrefix(Option.getOrUndefined(mark), stem))

/**
 * Parses the owner from a file's name; undefined if the name has none.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseTemporaryName = (name: string): ProcessMark | undefined => {
  const found = markPattern.exec(name)
  return found === null
    ? undefined
    : { pid: Number(found[1]), startTime: Number(found[2]), pidNamespace: Number(found[3]), bootId: found[4]! }
}

/**
 * State of an owner. `foreign`: it belongs to another PID namespace of this boot, whose processes can't be queried from here.
 *
 * @since 0.1.0
 * @category models
 */
export type OwnerState = "alive" | "dead" | "foreign" | "other boot"

/**
 * Returns whether the owner still runs, as seen by `self`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ownerState: (
  owner: ProcessMark,
  self: ProcessMark
) => Effect.Effect<OwnerState, never, FileSystem.FileSystem> = Effect.fn("ProcessMark.ownerState")(function* (
  owner: ProcessMark,
  self: ProcessMark
) {
  if (owner.bootId !== self.bootId) return "other boot"
  if (owner.pidNamespace !== self.pidNamespace) return "foreign"
  const fs = yield* FileSystem.FileSystem
  const stat = yield* Effect.option(fs.readFileString(`/proc/${owner.pid}/stat`))
  const process = Option.isSome(stat) ? parseProcessStat(stat.value) : undefined
  // A zombie has no threads left that could use a file.
  const runs = process?.startTime === owner.startTime && process.state !== "Z" && process.state !== "X"
  return runs ? "alive" : "dead"
})
