/**
 * Folders that results go to, tried before what takes long.
 *
 * @since 0.2.0
 */
import { mkdir, mkdtemp, rmdir, stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { UsageError } from "./UsageError.ts"

/** The folders that have to be made for this one, outermost first. */
const missing = async (folder: string): Promise<ReadonlyArray<string>> => {
  const there = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  return there === undefined ? [...(await missing(dirname(folder))), folder] : []
}

/**
 * Makes the folder and one in it, and removes what it made: permissions alone don't tell of read-only and full file systems. One by one, since
 * `recursive` of Node never ends below /proc, where a folder that is there takes none.
 */
const tryFolder = async (folder: string): Promise<void> => {
  const made: Array<string> = []
  try {
    for (const one of await missing(folder)) {
      await mkdir(one)
      made.unshift(one)
    }
    await rmdir(await mkdtemp(join(folder, ".ktstr-")))
  } finally {
    // Another run may have put something there in the meantime.
    for (const one of made) await rmdir(one).catch(() => undefined)
  }
}

/**
 * Fails when nothing can be put into the folder, which need not exist; leaves the file system as it was. `option` is what named the folder.
 *
 * @since 0.2.0
 * @category validation
 */
export const writableFolder = (option: string, folder: string): Effect.Effect<void, UsageError> =>
  Effect.tryPromise({
    try: () => tryFolder(resolve(folder)),
    catch: (error) =>
      new UsageError({
        message: `${option} ${folder} can't be written: ${error instanceof Error ? error.message : error}; give a folder that can`
      })
  })
