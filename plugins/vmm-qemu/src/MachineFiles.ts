/**
 * Opens the files of a machine: guest memory and the initramfs. Their names are removed as soon as they are open, so that a killed process
 * leaves none behind; in the moment between, the name says who owns them.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import { openNameless } from "@ktstr/core/host"
import { VmmError } from "@ktstr/core/machine"
import { Effect, type Scope } from "effect"

const shm = "/dev/shm"
const mib = 1024 * 1024

const io = (what: string, cause: unknown): VmmError =>
  new VmmError({ reason: "Io", message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })

const owned = (open: () => number, what: string): Effect.Effect<number, VmmError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: open, catch: (cause) => io(what, cause) }), (file) =>
    Effect.sync(() => fs.closeSync(file))
  )

/**
 * Opens a file in shared memory for each NUMA node. Fails with `OutOfMemory` if they don't all fit.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openMemoryFiles = (
  nodesMb: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<number>, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const wanted = nodesMb.reduce((sum, mb) => sum + mb, 0)
    const free = yield* Effect.try({
      try: () => {
        const { bavail, bsize } = fs.statfsSync(shm)
        return Math.floor((bavail * bsize) / mib)
      },
      catch: (cause) => io(`can't look at ${shm}, which holds guest memory`, cause)
    })
    if (free < wanted) {
      return yield* new VmmError({
        reason: "OutOfMemory",
        message: `guest memory of ${wanted} MiB does not fit in ${shm}, which has ${free} MiB free: ask for less or enlarge it with: mount -o remount,size=… ${shm}`
      })
    }
    return yield* Effect.forEach(nodesMb, (mb, node) =>
      owned(() => {
        const file = openNameless(shm, `ram${node}`)
        fs.ftruncateSync(file, mb * mib)
        return file
      }, `can't make the memory file of ${mb} MiB in ${shm}`)
    )
  })

const copyInto = (target: number, path: string): void => {
  const source = fs.openSync(path, "r")
  try {
    const buffer = Buffer.allocUnsafe(mib)
    let copied = 0
    for (let count = fs.readSync(source, buffer); count > 0; count = fs.readSync(source, buffer)) {
      fs.writeSync(target, buffer, 0, count)
      copied += count
    }
    // An archive begins at a multiple of 4 (Documentation/driver-api/early-userspace/buffer-format.rst).
    const padding = (4 - (copied % 4)) % 4
    fs.writeSync(target, Buffer.alloc(padding))
  } finally {
    fs.closeSync(source)
  }
}

/**
 * Opens the initramfs as one file: the only part itself, or a copy of all parts in order. Undefined if there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openInitramfs = (
  parts: ReadonlyArray<string>
): Effect.Effect<number | undefined, VmmError, Scope.Scope> => {
  const [first, ...others] = parts
  if (first === undefined) return Effect.succeed(undefined)
  const what = `can't read the initramfs ${parts.join(", ")}`
  if (others.length === 0) return owned(() => fs.openSync(first, "r"), what)
  return owned(() => {
    const file = openNameless(shm, "initramfs")
    try {
      for (const part of parts) copyInto(file, part)
      return file
    } catch (cause) {
      fs.closeSync(file)
      throw cause
    }
  }, what)
}
