/**
 * Folders that results go to, tried before what takes long.
 *
 * @since 0.2.0
 */
import { constants } from "node:fs"
import { lstat, mkdtemp, open, rmdir, stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { UsageError } from "../parse/index.ts"

/** Returns the folder itself, or the nearest one above it that exists. A link to nothing is neither. */
const nearest = async (folder: string): Promise<string> => {
  const there = await stat(folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || (await lstat(folder).catch(() => undefined)) !== undefined) throw error
    return undefined
  })
  return there === undefined ? nearest(dirname(folder)) : folder
}

/** Linux's O_TMPFILE on x86: a file without a name, which nothing can leave behind. */
const { O_DIRECTORY, O_RDWR } = constants
const temporary = 0o20000000 | O_DIRECTORY | O_RDWR

/** Errors of file systems that have no files without names. */
const unsupported = new Set(["ENOTSUP", "EOPNOTSUPP", "EISDIR", "EINVAL"])

/** Makes a file in the folder, or in the nearest one that exists: permissions alone don't tell of read-only and full file systems. */
const tryFolder = async (folder: string): Promise<void> => {
  const existing = await nearest(folder)
  try {
    await (await open(existing, temporary, 0o600)).close()
  } catch (error) {
    if (!unsupported.has((error as NodeJS.ErrnoException).code ?? "")) throw error
    await rmdir(await mkdtemp(join(existing, ".ktstr-")))
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
