/**
 * Whose a temporary file is, in its name: enough to tell, after any way to die, that the owner is gone.
 *
 * @since 0.1.0
 */
import { FileSystem } from "@effect/platform"
import { Effect, Option } from "effect"

/**
 * One process, told apart from every other that has its number at another time or place.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessMark {
  readonly pid: number
  /** Clock ticks from boot to its start: proc(5), field 22 of /proc/PID/stat. A number is used again, a start is not. */
  readonly startTime: number
  /** Inode of its PID namespace: containers share directories, not numbers. */
  readonly pidNamespace: number
  /** First eight digits of the boot's id: start times begin anew, and directories may be shared by machines. */
  readonly bootId: string
}

/**
 * Number, state and start time out of /proc/PID/stat; undefined when the text is none.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseProcessStat = (
  stat: string
): { readonly pid: number; readonly state: string; readonly startTime: number } | undefined => {
  // The name in parentheses may hold anything, parentheses and blanks as well.
  const found = /^(\d+) \(.*\) (\S) (.*)$/s.exec(stat.trimEnd())
  const startTime = found?.[3]?.split(" ")[18]
  return found === null || startTime === undefined
    ? undefined
    : { pid: Number(found[1]), state: found[2]!, startTime: Number(startTime) }
}

/**
 * The mark of the process whose texts these are: /proc/self/stat, the link /proc/self/ns/pid, /proc/sys/kernel/random/boot_id.
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
 * This process; none where there is no /proc.
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
 * `ktstr` in directories for everyone; in our caches `.tmp` for what is being written, `.old` for what is being replaced and `.build` for what
 * a kernel is built in.
 *
 * @since 0.1.0
 * @category models
 */
export type TemporaryStem = "ktstr" | ".tmp" | ".old" | ".build"

/**
 * How the names of a process's temporary files begin; without a mark nobody can tell whose they are.
 *
 * @since 0.1.0
 * @category conversions
 */
export const temporaryPrefix = (mark: ProcessMark | undefined, stem: TemporaryStem = "ktstr"): string =>
  mark === undefined ? `${stem}-` : `${stem}-${mark.pid}-${mark.startTime}-${mark.pidNamespace}-${mark.bootId}-`

/**
 * {@link temporaryPrefix} of this process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ownTemporaryPrefix = (
  stem: TemporaryStem = "ktstr"
): Effect.Effect<string, never, FileSystem.FileSystem> =>
  Effect.map(currentProcess, (mark) => temporaryPrefix(Option.getOrUndefined(mark), stem))

/**
 * The owner in a file's name; undefined when the name has none.
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
 * What is known of an owner. `foreign`: it ran in another PID namespace of this boot, whose processes can't be asked for here.
 *
 * @since 0.1.0
 * @category models
 */
export type OwnerState = "alive" | "dead" | "foreign" | "other boot"

/**
 * Looks whether the owner still runs, as seen by `self`.
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
  // A zombie has no threads that could use a file any more.
  const runs = process?.startTime === owner.startTime && process.state !== "Z" && process.state !== "X"
  return runs ? "alive" : "dead"
})
