/**
 * `ktstr locks`: shows which processes hold or wait for ktstr's locks.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { ExitCode } from "@ktstr/core"
import { findLocks, type HeldLock, type LockProcess } from "@ktstr/core/host"
import { lockDirectory } from "@ktstr/core/kernel"
import { layerPlatform } from "@ktstr/harness"
import { renderTable } from "@ktstr/reporters"
import { Effect, Schedule } from "effect"
import type { CommandIo } from "../io/index.ts"
import { type Invocation, Settings } from "../parse/index.ts"

/** Lists lock files and locked source trees. Lock files have their own directory; a locked directory counts as a source tree if it has the files of one. */
const isOurs = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (path.basename(path.dirname(file)) === lockDirectory) return file.endsWith(".lock")
  return yield* Effect.orElseSucceed(fs.exists(path.join(file, "Kbuild")), () => false)
})

interface Row {
  readonly lock: string
  readonly role: "holds" | "waits"
  readonly process: LockProcess
}

const rows = ({ path, holders, waiters }: HeldLock): ReadonlyArray<Row> => [
  ...holders.map((process) => ({ lock: path, role: "holds" as const, process })),
  ...waiters.map((process) => ({ lock: path, role: "waits" as const, process }))
]

const text = (locks: ReadonlyArray<HeldLock>): string => {
  if (locks.length === 0) return "no lock is held\n"
  const lines = renderTable(
    [
      { title: "lock", cell: ({ lock }) => lock },
      { title: "", cell: ({ role }) => role },
      { title: "pid", cell: ({ process }) => String(process.pid), align: "right" },
      { title: "command", cell: ({ process }) => process.command }
    ],
    locks.flatMap(rows)
  )
  return `${lines.join("\n")}\n`
}

/**
 * Prints the locks once, or again every `--watch` interval.
 *
 * @since 0.1.0
 * @category commands
 */
export const locks = (invocation: Extract<Invocation, { command: "locks" }>, { out }: CommandIo) =>
  Effect.gen(function* () {
    const { json, watch } = invocation.values
    const interval = watch === undefined ? undefined : yield* Settings.intervalMs("--watch", watch)
    const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const look = findLocks((path) => Effect.provide(isOurs(path), services))
    if (interval === undefined) {
      const found = yield* look
      yield* out.write(json ? `${JSON.stringify({ locks: found }, undefined, 2)}\n` : text(found))
      return ExitCode.pass
    }
    const show = Effect.gen(function* () {
      const found = yield* look
      const time = new Date().toISOString()
      // ECMA-48 home and clear, so that the screen shows only the latest list.
      yield* out.write(
        json
          ? `${JSON.stringify({ time, locks: found })}\n`
          : `${out.terminal ? "\u001b[H\u001b[J" : ""}${time}\n${text(found)}`
      )
    })
    return yield* Effect.as(Effect.repeat(show, Schedule.spaced(interval)), ExitCode.pass)
  }).pipe(Effect.provide(layerPlatform))
