/**
 * The part of ELF64 (System V gABI, chapters 4 and 5) that kernel images and shared libraries need: sections, segments, the dynamic table.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"

/**
 * A range of bytes in a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface ElfRange {
  readonly offset: number
  readonly size: number
}

/**
 * A section and its name.
 *
 * @since 0.1.0
 * @category models
 */
export interface ElfSection extends ElfRange {
  readonly name: string
}

/**
 * A segment, from the program header table.
 *
 * @since 0.1.0
 * @category models
 */
export interface ElfSegment extends ElfRange {
  /** `p_type`: 1 PT_LOAD, 2 PT_DYNAMIC, 3 PT_INTERP. */
  readonly type: number
  readonly address: number
  readonly physicalAddress: number
  /** Bytes in memory; those beyond `size` are zero. */
  readonly memorySize: number
}

/**
 * What the loader of a fixed-address program, such as a kernel, needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface ElfProgram {
  readonly entry: number
  /** PT_LOAD only. */
  readonly segments: ReadonlyArray<ElfSegment>
}

/**
 * What the dynamic linker reads from a program or library.
 *
 * @since 0.1.0
 * @category models
 */
export interface ElfDynamic {
  /** Path of the dynamic linker (PT_INTERP); undefined for libraries and static programs. */
  readonly interpreter: string | undefined
  readonly needed: ReadonlyArray<string>
  readonly rpath: ReadonlyArray<string>
  readonly runpath: ReadonlyArray<string>
}

/**
 * A file is not an ELF file that ktstr can read, or is truncated or malformed.
 *
 * @since 0.1.0
 * @category errors
 */
export class ElfError extends Data.TaggedError("ElfError")<{ readonly message: string }> {}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * Maximum length in bytes of a name or a list of paths. Longer ones are not real, and thousands of them could be built from one long range of a file.
 */
const maxStringBytes = 16 * 1024

/** Maximum number of entries in a dynamic table; real programs have a few dozen. */
const maxEntries = 4096

const cString = (bytes: Uint8Array, offset: number): string => {
  const part = bytes.subarray(offset, offset + maxStringBytes)
  const end = part.indexOf(0)
  if (end < 0 && part.length === maxStringBytes) {
    throw new ElfError({ message: `ELF name at byte ${offset} does not end within ${maxStringBytes} bytes` })
  }
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end))
}

/** Reads an offset; files are smaller than 2^53 bytes. */
const u64 = (view: DataView, offset: number): number => Number(view.getBigUint64(offset, true))

/** Runs a reader and converts out-of-range reads to the error that the file is too short. */
const guarded = <A>(read: () => A): Either.Either<A, ElfError> =>
  Either.try({
    try: read,
    catch: (cause) =>
      cause instanceof ElfError ? cause : new ElfError({ message: "ELF file is cut short: a table lies past its end" })
  })

/**
 * Returns whether the bytes begin like an ELF file.
 *
 * @since 0.1.0
 * @category parsing
 */
export const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46

const header = (bytes: Uint8Array): DataView => {
  if (!isElf(bytes)) throw new ElfError({ message: "no ELF header" })
  if (bytes[4] !== 2 || bytes[5] !== 1) {
    throw new ElfError({
      message: `ELF class ${bytes[4]}, data ${bytes[5]}: only 64-bit little-endian files are supported`
    })
  }
  return viewOf(bytes)
}

const readSegments = (bytes: Uint8Array): ReadonlyArray<ElfSegment> => {
  const view = header(bytes)
  const table = u64(view, 32)
  const entry = view.getUint16(54, true)
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = table + index * entry
    return {
      type: view.getUint32(at, true),
      offset: u64(view, at + 8),
      address: u64(view, at + 16),
      physicalAddress: u64(view, at + 24),
      size: u64(view, at + 32),
      memorySize: u64(view, at + 40)
    }
  })
}

/**
 * Reads entry point and loadable segments of a file with `size` bytes. `bytes` is its beginning, which must contain the headers. Fails if a segment
 * extends beyond the file.
 *
 * @since 0.1.0
 * @category parsing
 */
export const elfProgram = (bytes: Uint8Array, size = bytes.length): Either.Either<ElfProgram, ElfError> =>
  guarded(() => {
    const segments = readSegments(bytes).filter((segment) => segment.type === 1)
    const cut = segments.find((segment) => segment.offset + segment.size > size)
    if (cut !== undefined) {
      throw new ElfError({
        message: `ELF file is cut short: a segment ends at byte ${cut.offset + cut.size}, the file has ${size}`
      })
    }
    const odd = segments.find((segment) => segment.size > segment.memorySize)
    if (odd !== undefined) {
      throw new ElfError({ message: `ELF segment of ${odd.size} bytes has only ${odd.memorySize} bytes in memory` })
    }
    return { entry: u64(viewOf(bytes), 24), segments }
  })

const readSections = (bytes: Uint8Array): ReadonlyArray<ElfSection> => {
  const view = header(bytes)
  const table = u64(view, 40)
  const entry = view.getUint16(58, true)
  const count = view.getUint16(60, true)
  if (table === 0 || count === 0) return []
  const namesAt = u64(view, table + view.getUint16(62, true) * entry + 24)
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * entry
    // SHT_NOBITS (8) has a size in memory but none in the file.
    const size = view.getUint32(at + 4, true) === 8 ? 0 : u64(view, at + 32)
    return { name: cString(bytes, namesAt + view.getUint32(at, true)), offset: u64(view, at + 24), size }
  })
}

/**
 * Reads the sections of an ELF file; empty if it has no section table.
 *
 * @since 0.1.0
 * @category parsing
 */
export const elfSections = (bytes: Uint8Array): Either.Either<ReadonlyArray<ElfSection>, ElfError> =>
  guarded(() => readSections(bytes))

const splitPaths = (value: string): ReadonlyArray<string> => value.split(":").filter((path) => path !== "")

/**
 * Reads PT_INTERP and PT_DYNAMIC. For a static program, the lists are empty.
 *
 * @since 0.1.0
 * @category parsing
 */
export const elfDynamic = (bytes: Uint8Array): Either.Either<ElfDynamic, ElfError> =>
  guarded(() => {
    const view = header(bytes)
    const segments = readSegments(bytes)
    const interp = segments.find((segment) => segment.type === 3)
    const dynamic = segments.find((segment) => segment.type === 2)
    const entries: Array<readonly [tag: number, value: number]> = []
    for (let at = 0; dynamic !== undefined && at + 16 <= dynamic.size; at += 16) {
      const tag = u64(view, dynamic.offset + at)
      if (tag === 0) break
      if (entries.length === maxEntries) {
        throw new ElfError({ message: `ELF dynamic table has more than ${maxEntries} entries` })
      }
      entries.push([tag, u64(view, dynamic.offset + at + 8)])
    }
    // DT_STRTAB (5) is an address; the segment that contains it gives the file offset.
    const strtab = entries.find(([tag]) => tag === 5)?.[1] ?? 0
    const load = segments.find((s) => s.type === 1 && strtab >= s.address && strtab < s.address + s.size)
    const stringsAt = load === undefined ? 0 : strtab - load.address + load.offset
    const strings = (wanted: number): ReadonlyArray<string> =>
      entries.filter(([tag]) => tag === wanted).map(([, value]) => cString(bytes, stringsAt + value))
    return {
      interpreter:
        interp === undefined ? undefined : cString(bytes.subarray(0, interp.offset + interp.size), interp.offset),
      // DT_NEEDED 1, DT_RPATH 15, DT_RUNPATH 29.
      needed: strings(1),
      rpath: strings(15).flatMap(splitPaths),
      runpath: strings(29).flatMap(splitPaths)
    }
  })

/**
 * Returns whether the `.BTF` section of a kernel contains the name of a type or member. BTF's string table is a sequence of NUL-terminated names
 * (Documentation/bpf/btf.rst, "String encoding").
 *
 * @since 0.1.0
 * @category parsing
 */
export const btfNames = (bytes: Uint8Array, name: string): Either.Either<boolean, ElfError> =>
  guarded(() => {
    const section = readSections(bytes).find((candidate) => candidate.name === ".BTF")
    if (section === undefined || section.size < 24) return false
    const view = viewOf(bytes)
    const strings =
      section.offset + view.getUint32(section.offset + 4, true) + view.getUint32(section.offset + 16, true)
    const table = bytes.subarray(strings, Math.min(strings + view.getUint32(section.offset + 20, true), bytes.length))
    const wanted = new TextEncoder().encode(`\0${name}\0`)
    for (let at = table.indexOf(0); at >= 0; at = table.indexOf(0, at + 1)) {
      if (wanted.every((byte, index) => table[at + index] === byte)) return true
    }
    return false
  })
