/**
 * What a machine is loaded with: files of which only the beginning is looked at here.
 *
 * @since 0.1.0
 */
import { type FileHandle, open } from "node:fs/promises"

/** ELF program headers and the setup header of a bzImage lie within. */
const headBytes = 64 * 1024

/**
 * Files as one: their contents follow each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface BootFile {
  /** Its first 64 KiB, or all of it. */
  readonly head: Uint8Array
  /** Bytes, with those between the files. */
  readonly size: number
  /** The files in it: where each begins, its length and its descriptor, good until `close`. */
  readonly parts: ReadonlyArray<{ readonly at: number; readonly size: number; readonly fd: number }>
  readonly close: () => Promise<void>
}

const readHead = async (file: FileHandle, size: number): Promise<Uint8Array> => {
  const head = new Uint8Array(Math.min(headBytes, size))
  let done = 0
  while (done < head.length) {
    const { bytesRead } = await file.read(head, done, head.length - done, done)
    if (bytesRead === 0) throw new Error(`file ends at byte ${done}, where more was expected`)
    done += bytesRead
  }
  return head
}

/**
 * Opens files as one, each beginning at a multiple of `alignment`; the head is the first one's. Rejects with the operating system's
 * error.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openBootFile = async (paths: ReadonlyArray<string>, alignment = 1): Promise<BootFile> => {
  const files: Array<FileHandle> = []
  const close = async (): Promise<void> => {
    await Promise.all(files.map((file) => file.close()))
  }
  try {
    const parts: Array<BootFile["parts"][number]> = []
    let end = 0
    for (const path of paths) {
      const file = await open(path, "r")
      files.push(file)
      const { size } = await file.stat()
      const at = Math.ceil(end / alignment) * alignment
      parts.push({ at, size, fd: file.fd })
      end = at + size
    }
    const head = files[0] === undefined ? new Uint8Array() : await readHead(files[0], parts[0]?.size ?? 0)
    return { head, size: end, parts, close }
  } catch (error) {
    await close()
    throw error
  }
}
