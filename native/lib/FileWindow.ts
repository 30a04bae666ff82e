/**
 * A file as bytes of which only the beginning is read, so that the rest goes straight to where it is wanted.
 *
 * @since 0.1.0
 */
import { type FileHandle, open } from "node:fs/promises"

/** ELF program headers and the setup header of a bzImage lie within. */
const headBytes = 64 * 1024

/**
 * @since 0.1.0
 * @category models
 */
export interface FileWindow {
  /** As long as the file; beyond its first 64 KiB zeroes, which the operating system does not even allocate. */
  readonly bytes: Uint8Array
  /** Reads the file's part that corresponds to a part of `bytes` into `target`, which is as long. */
  readonly readInto: (part: Uint8Array, target: Uint8Array) => Promise<void>
  readonly close: () => Promise<void>
}

const readFully = async (file: FileHandle, target: Uint8Array, position: number): Promise<void> => {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done)
    if (bytesRead === 0) throw new Error(`file ends at byte ${position + done}, where more was expected`)
    done += bytesRead
  }
}

/**
 * Opens files as one: their contents follow each other, each beginning at a multiple of `alignment`. Rejects with the operating system's
 * error.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openFileWindow = async (paths: ReadonlyArray<string>, alignment = 1): Promise<FileWindow> => {
  const parts: Array<{ readonly file: FileHandle; readonly offset: number; readonly size: number }> = []
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.file.close()))
  }
  try {
    let end = 0
    for (const path of paths) {
      const file = await open(path, "r")
      const offset = Math.ceil(end / alignment) * alignment
      parts.push({ file, offset, size: 0 })
      const { size } = await file.stat()
      parts[parts.length - 1] = { file, offset, size }
      end = offset + size
    }
    const bytes = new Uint8Array(end)
    const readInto = async (part: Uint8Array, target: Uint8Array): Promise<void> => {
      const from = part.byteOffset - bytes.byteOffset
      const to = from + part.length
      await Promise.all(
        parts.map(({ file, offset, size }) => {
          const begin = Math.max(from, offset)
          const finish = Math.min(to, offset + size)
          return begin < finish
            ? readFully(file, target.subarray(begin - from, finish - from), begin - offset)
            : Promise.resolve()
        })
      )
    }
    const head = bytes.subarray(0, Math.min(headBytes, end))
    await readInto(head, head)
    return { bytes, readInto, close }
  } catch (error) {
    await close()
    throw error
  }
}
