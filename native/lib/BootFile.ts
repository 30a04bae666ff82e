/**
 * The files loaded into a machine; only their beginning is read here.
 *
 * @since 0.1.0
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** Contains the ELF program headers or the setup header of a bzImage. */
const headBytes = 64 * 1024

/**
 * Several files treated as one: their contents follow each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface BootFile {
  /** Size in bytes, including the gaps between the files. */
  readonly size: number
  /** The files: where each begins, its length and its descriptor, which is valid until `close`. */
  readonly parts: ReadonlyArray<{ readonly at: number; readonly size: number; readonly fd: number }>
  readonly close: () => void
}

/**
 * Opens files as one, each beginning at a multiple of `alignment`. Throws the operating system's error. Synchronous,
 * like `readBootHead`: through the runtime's threads these few microseconds would take milliseconds of a boot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openBootFile = (paths: ReadonlyArray<string>, alignment = 1): BootFile => {
  const parts: Array<BootFile["parts"][number]> = []
  const close = (): void => {
    for (const { fd } of parts.splice(0)) closeSync(fd)
  }
  let end = 0
  try {
    for (const path of paths) {
      const fd = openSync(path, "r")
      const at = Math.ceil(end / alignment) * alignment
      parts.push({ at, size: 0, fd })
      const { size } = fstatSync(fd)
      parts[parts.length - 1] = { at, size, fd }
      end = at + size
    }
    return { size: end, parts, close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Reads the first 64 KiB of the first file, or all of it if it is shorter. Throws the operating system's error, or an
 * error if the file has become shorter.
 *
 * @since 0.1.0
 * @category destructors
 */
export const readBootHead = (file: BootFile): Uint8Array => {
  const [first] = file.parts
  if (first === undefined) return new Uint8Array()
  const head = new Uint8Array(Math.min(headBytes, first.size))
  let done = 0
  while (done < head.length) {
    const count = readSync(first.fd, head, done, head.length - done, done)
    if (count === 0) throw new Error(`file ends at byte ${done}, where more was expected`)
    done += count
  }
  return head
}
