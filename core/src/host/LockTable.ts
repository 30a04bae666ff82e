/**
 * Lists the holders of flocks, from /proc.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Effect, Option } from "effect"

/**
 * A process that holds or waits for a lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface LockProcess {
  readonly pid: number
  /** Its arguments, joined by blanks; empty if this user may not read them. */
  readonly command: string
}

/**
 * A file or directory that is locked.
 *
 * @since 0.1.0
 * @category models
 */
export interface HeldLock {
  readonly path: string
  readonly holders: ReadonlyArray<LockProcess>
  readonly waiters: ReadonlyArray<LockProcess>
}

/** Programs that hold a lock on behalf of another process: `flock`, which becomes `sh` and then possibly `cat`; see FileLock. */
const stewards: ReadonlySet<string> = new Set(["flock", "sh", "dash", "bash", "busybox", "cat"])

/**
 * Parses a line of /proc/locks, or the `lock:` line of a file descriptor: the process, and the file's device and inode. A line with an arrow
 * describes a waiting process.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseLockLine = (
  line: string
): { readonly waits: boolean; readonly pid: number; readonly file: string } | undefined => {
  // Kernel: lock_get_status() in fs/locks.c. The PID is -1 for a process outside this PID namespace.
  const found = /^(?:lock:\s*)?\d+: (-> )?FLOCK +ADVISORY +(?:WRITE|READ|RW) (-?\d+) ([0-9a-f]+:[0-9a-f]+:\d+) /.exec(
    line
  )
  return found === null ? undefined : { waits: found[1] !== undefined, pid: Number(found[2]), file: found[3]! }
}

/** Returns the parent of a process from /proc/PID/stat; the name in it may contain any characters. */
const parentIn = (stat: string): number | undefined => {
  const found = /^\d+ \(.*\) \S (\d+) /s.exec(stat)
  return found === null ? undefined : Number(found[1])
}

/** Returns the process that a lock program works for; the process itself if it is not a lock program or its parent is gone. */
const ownerOf = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const read = (at: number, file: string) => Effect.orElseSucceed(fs.readFileString(`/proc/${at}/${file}`), () => "")
  let owner = pid
  for (let depth = 0; depth < 4; depth++) {
    if (!stewards.has((yield* read(owner, "comm")).trim())) break
    const parent = parentIn(yield* read(owner, "stat"))
    if (parent === undefined || parent <= 1) break
    owner = parent
  }
  const command = (yield* read(owner, "cmdline")).split("\0").filter((word) => word !== "")
  return { pid: owner, command: command.join(" ") }
})

const distinct = (processes: ReadonlyArray<LockProcess>): ReadonlyArray<LockProcess> =>
  [...new Map(processes.map((process) => [process.pid, process])).values()].sort((a, b) => a.pid - b.pid)

/**
 * Finds every flock on a path that `isOurs` accepts, sorted by path. Omits locks of processes that this user may not inspect: only their descriptors
 * show which file is locked.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findLocks: (
  isOurs: (path: string) => Effect.Effect<boolean>
) => Effect.Effect<ReadonlyArray<HeldLock>, never, FileSystem.FileSystem | Path.Path> = Effect.fn("LockTable.find")(
  function* (isOurs: (path: string) => Effect.Effect<boolean>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const none = (): ReadonlyArray<string> => []
    const descriptors = Effect.fnUntraced(function* (pid: number) {
      const numbers = yield* Effect.orElseSucceed(fs.readDirectory(`/proc/${pid}/fdinfo`), none)
      const locked = yield* Effect.forEach(numbers, (number) =>
        Effect.gen(function* () {
          const info = yield* fs.readFileString(`/proc/${pid}/fdinfo/${number}`)
          const files = info
            .split("\n")
            .flatMap((line) => (line.startsWith("lock:") ? (parseLockLine(line)?.file ?? []) : []))
          if (files.length === 0) return []
          const link = yield* fs.readLink(`/proc/${pid}/fd/${number}`)
          return files.map((file) => ({ pid, file, path: link.replace(/ \(deleted\)$/, "") }))
        }).pipe(Effect.option, Effect.map(Option.getOrElse(() => [])))
      )
      return locked.flat()
    })
    const pids = (yield* Effect.orElseSucceed(fs.readDirectory("/proc"), none)).filter((name) => /^\d+$/.test(name))
    const held = (yield* Effect.forEach(pids, (pid) => descriptors(Number(pid)))).flat()
    const ours = yield* Effect.filter([...new Set(held.map((lock) => lock.path))].sort(), isOurs)
    const all = (yield* Effect.orElseSucceed(fs.readFileString("/proc/locks"), () => "")).split("\n")
    const waiting = all.flatMap((line) => {
      const parsed = parseLockLine(line)
      return parsed?.waits === true && parsed.pid > 0 ? [parsed] : []
    })
    return yield* Effect.forEach(ours, (at) =>
      Effect.gen(function* () {
        const here = held.filter((lock) => lock.path === at)
        const holders = yield* Effect.forEach(here, ({ pid }) => ownerOf(pid))
        const waiters = yield* Effect.forEach(
          waiting.filter(({ file }) => here.some((lock) => lock.file === file)),
          ({ pid }) => ownerOf(pid)
        )
        return { path: path.normalize(at), holders: distinct(holders), waiters: distinct(waiters) }
      })
    )
  }
)
