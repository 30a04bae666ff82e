/**
 * The newc archive format of the kernel's initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { concatBytes } from "../base/index.ts"

/**
 * A member of an archive. `path` has no leading slash. Permissions are the low 12 bits.
 *
 * @since 0.1.0
 * @category models
 */
export type CpioEntry =
  | { readonly _tag: "Directory"; readonly path: string; readonly permissions: number }
  | { readonly _tag: "File"; readonly path: string; readonly permissions: number; readonly data: Uint8Array }
  | { readonly _tag: "Symlink"; readonly path: string; readonly target: string }
  | {
      readonly _tag: "CharDevice"
      readonly path: string
      readonly permissions: number
      readonly major: number
      readonly minor: number
    }

/**
 * The bytes are not a newc archive; `message` names the offset.
 *
 * @since 0.1.0
 * @category errors
 */
export class CpioError extends Data.TaggedError("CpioError")<{ readonly message: string }> {}

/** Archives are padded to this size, so that the next one starts at an aligned offset: the kernel skips zeros between archives. */
const blockSize = 512

const headerSize = 110

const types = { Directory: 0o040000, File: 0o100000, Symlink: 0o120000, CharDevice: 0o020000 } as const

const typeMask = 0o170000

const encoder = new TextEncoder()

const padding = (length: number, alignment: number): number => (alignment - (length % alignment)) % alignment

const hex8 = (value: number): string => value.toString(16).padStart(8, "0").toUpperCase()

const checkPath = (path: string): void => {
  if (
    path === "" ||
    path.startsWith("/") ||
    path.includes("\0") ||
    path.split("/").some((part) => part === ".." || part === "")
  ) {
    throw new RangeError(`'${path}' is no path of an archive member: it must be relative, without empty parts and '..'`)
  }
}

const header = (fields: {
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly size: number
  readonly device: readonly [major: number, minor: number]
  readonly nameSize: number
}): string => {
  const [major, minor] = fields.device
  // magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const numbers = [fields.ino, fields.mode, 0, 0, fields.nlink, 0, fields.size, 0, 0, major, minor, fields.nameSize, 0]
  return `070701${numbers.map(hex8).join("")}`
}

/**
 * Encodes a member: header, padded name, and data padded to 4 bytes. Owner is root and the time is 0, so equal members give equal bytes. `ino` must
 * differ between members, because the kernel hard-links files with equal numbers. Throws `RangeError` for an invalid path or a file over 4 GiB.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeCpioMember = (entry: CpioEntry, ino: number): ReadonlyArray<Uint8Array> => {
  checkPath(entry.path)
  const name = encoder.encode(`${entry.path}\0`)
  const data =
    entry._tag === "File" ? entry.data : entry._tag === "Symlink" ? encoder.encode(entry.target) : new Uint8Array(0)
  if (data.length > 0xffffffff)
    throw new RangeError(`'${entry.path}' has ${data.length} bytes: a newc member holds at most 4 GiB`)
  const permissions = entry._tag === "Symlink" ? 0o777 : entry.permissions & 0o7777
  const start = encoder.encode(
    header({
      ino,
      mode: types[entry._tag] | permissions,
      nlink: entry._tag === "Directory" ? 2 : 1,
      size: data.length,
      device: entry._tag === "CharDevice" ? [entry.major, entry.minor] : [0, 0],
      nameSize: name.length
    })
  )
  const gap = new Uint8Array(padding(headerSize + name.length, 4))
  return [start, name, gap, data, new Uint8Array(padding(data.length, 4))].filter((part) => part.length > 0)
}

/**
 * Encodes the end of an archive that has `length` bytes so far: the trailer, and zeros up to a complete block.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeCpioTrailer = (length: number): Uint8Array => {
  const name = "TRAILER!!!\0"
  const start = encoder.encode(
    header({ ino: 0, mode: 0, nlink: 1, size: 0, device: [0, 0], nameSize: name.length }) + name
  )
  const out = new Uint8Array(start.length + padding(length + start.length, blockSize))
  out.set(start)
  return out
}

/** Smaller parts are joined: each part costs a system call. */
const smallPart = 64 * 1024

const joinSmall = (parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const joined: Array<Uint8Array> = []
  let small: Array<Uint8Array> = []
  const flush = () => {
    if (small.length > 0) joined.push(concatBytes(small))
    small = []
  }
  for (const part of parts) {
    if (part.length < smallPart) small.push(part)
    else {
      flush()
      joined.push(part)
    }
  }
  flush()
  return joined
}

/**
 * Encodes a complete archive in consecutive parts, without a copy of large members' data; its length is a multiple of 512. Throws `RangeError` for a
 * path or size that the format can't represent. The kernel does not create parent directories: each must be a member before its content.
 *
 * @since 0.2.0
 * @category encoding
 */
export const encodeCpioParts = (entries: ReadonlyArray<CpioEntry>): ReadonlyArray<Uint8Array> => {
  const parts = entries.flatMap((entry, index) => encodeCpioMember(entry, index + 1))
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return joinSmall([...parts, encodeCpioTrailer(length)])
}

/**
 * Encodes a complete archive as {@link encodeCpioParts} does, in one piece.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeCpio = (entries: ReadonlyArray<CpioEntry>): Uint8Array => concatBytes(encodeCpioParts(entries))

const readEntry = (path: string, mode: number, data: Uint8Array, device: readonly [number, number]): CpioEntry => {
  const permissions = mode & 0o7777
  switch (mode & typeMask) {
    case types.Directory:
      return { _tag: "Directory", path, permissions }
    case types.File:
      return { _tag: "File", path, permissions, data }
    case types.Symlink:
      return { _tag: "Symlink", path, target: new TextDecoder().decode(data) }
    case types.CharDevice:
      return { _tag: "CharDevice", path, permissions, major: device[0], minor: device[1] }
    default:
      throw new CpioError({
        message: `'${path}' is a member of a kind ktstr does not write (mode 0${mode.toString(8)})`
      })
  }
}

/**
 * Decodes concatenated archives like the kernel, skipping zeros between them. Returns the members in order; a name occurs twice if a later archive
 * replaces a file of an earlier one.
 *
 * @since 0.1.0
 * @category parsing
 */
export const decodeCpio = (bytes: Uint8Array): Either.Either<ReadonlyArray<CpioEntry>, CpioError> =>
  Either.try({
    try: () => {
      const entries: Array<CpioEntry> = []
      const text = new TextDecoder("utf-8", { fatal: false })
      let at = 0
      let open = false
      while (at < bytes.length) {
        if (!open && bytes[at] === 0) {
          at++
          continue
        }
        const magic = text.decode(bytes.subarray(at, at + 6))
        if (magic !== "070701" || at + headerSize > bytes.length) {
          throw new CpioError({ message: `no newc header at offset ${at}` })
        }
        const field = (index: number): number => {
          const digits = text.decode(bytes.subarray(at + 6 + 8 * index, at + 14 + 8 * index))
          if (!/^[0-9a-fA-F]{8}$/.test(digits))
            throw new CpioError({ message: `bad number in the header at offset ${at}` })
          return Number.parseInt(digits, 16)
        }
        const [mode, size, nameSize] = [field(1), field(6), field(11)]
        const nameEnd = at + headerSize + nameSize
        const dataAt = nameEnd + padding(headerSize + nameSize, 4)
        if (nameSize === 0 || dataAt + size > bytes.length + (size === 0 ? 3 : 0)) {
          throw new CpioError({ message: `the member at offset ${at} is cut short` })
        }
        const name = text.decode(bytes.subarray(at + headerSize, nameEnd - 1))
        open = name !== "TRAILER!!!"
        if (open) entries.push(readEntry(name, mode, bytes.subarray(dataAt, dataAt + size), [field(9), field(10)]))
        at = dataAt + size + padding(size, 4)
      }
      if (open) throw new CpioError({ message: `no trailer before the end at offset ${bytes.length}` })
      return entries
    },
    catch: (cause) => (cause instanceof CpioError ? cause : new CpioError({ message: String(cause) }))
  })
