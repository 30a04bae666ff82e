/**
 * The file behind a guest's scratch disk.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { Effect, type Scope } from "effect"
import { openNameless } from "../host/index.ts"
import { VmmError } from "./Vmm.ts"

const mib = 1024 * 1024
/** 1 TiB: file systems refuse larger files even if they are sparse. */
const largestMb = 1024 * 1024

/**
 * Opens an unlinked, sparse file of `mb` MiB in the temporary directory; returns undefined if `mb` is undefined. The file is freed when the scope
 * closes or this process ends. It takes up space as the guest writes; if the host's disk is full, the guest's write fails. Fails with `BadSpec` for
 * an invalid size, and with `Io` if the file can't be made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openScratchDisk = (mb: number | undefined): Effect.Effect<number | undefined, VmmError, Scope.Scope> => {
  if (mb === undefined) return Effect.succeed(undefined)
  if (!Number.isInteger(mb) || mb < 1 || mb > largestMb) {
    return Effect.fail(
      new VmmError({
        reason: "BadSpec",
        message: `a scratch disk of ${mb} MiB: it must be a whole number from 1 to ${largestMb}`
      })
    )
  }
  return Effect.acquireRelease(
    Effect.try({
      try: () => {
        const file = openNameless(tmpdir(), "disk")
        fs.ftruncateSync(file, mb * mib)
        return file
      },
      catch: (cause) =>
        new VmmError({
          reason: "Io",
          message: `can't make a scratch disk of ${mb} MiB in ${tmpdir()}: ${cause instanceof Error ? cause.message : cause}; set TMPDIR to a directory with room`,
          cause
        })
    }),
    (file) => Effect.sync(() => fs.closeSync(file))
  )
}
