/**
 * Checks that a folder for results is writable before a long run starts.
 *
 * @since 0.2.0
 */
import { constants } from "node:fs"
import { lstat, mkdtemp, open, rmdir, stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { UsageError } from "../parse/index.ts"

/** Returns the folder itself, or the nearest one above it that exists. Fails on a dangling link. */
const nearest = async (folder: string): Promise<string> => {
  const there = await stat(folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || (await lstat(folder).catch(() => undefined)) !== undefined) throw error
    return undefined
  })
  return there === undefined ? nearest(dirname(folder)) : folder
}

/** Linux's O_TMPFILE on x86: creates a file without a name, which can't be left behind. */
const { O_DIRECTORY, O_RDWR } = constants
const temporary = 0o20000000 | O_DIRECTORY | O_RDWR

/** Lists the errors of file systems that don't support nameless files. */
const unsupported = new Set(["ENOTSUP", "EOPNOTSUPP", "EISDIR", "EINVAL"])

/** Creates a file in the folder, or in the nearest existing parent: permissions alone don't reveal a read-only or full file system. */
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
 * Fails if the folder, which need not exist, is not writable. Leaves the file system unchanged. `option` is the option that named the folder.
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
