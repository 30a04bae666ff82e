/**
 * Finds the files that a program needs: the dynamic linker and all shared libraries, direct and indirect, in the order of ld.so(8). Libraries loaded
 * with dlopen(3) are not found.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Data, Effect, Option } from "effect"
import { type ElfDynamic, elfDynamic, isElf } from "./Elf.ts"

/**
 * A library, interpreter or program is missing or can't be read.
 *
 * @since 0.1.0
 * @category errors
 */
export class ElfDepsError extends Data.TaggedError("ElfDepsError")<{
  /** The file that needs the missing one. */
  readonly file: string
  /** Soname or path of the missing file. */
  readonly missing: string
  readonly message: string
}> {}

/**
 * The files that programs need.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProgramNeeds {
  /** Absolute paths of libraries, dynamic linkers and script interpreters, sorted; without the programs themselves. */
  readonly files: ReadonlyArray<string>
  /**
   * Libraries outside the dynamic linker's built-in directories, which it finds on this machine through its configuration. A guest without
   * `ld.so.cache` needs links to them in `linkDirectory`.
   */
  readonly configured: ReadonlyArray<string>
  /** Directory of the C library, which the dynamic linker always searches. Undefined if nothing is dynamically linked. */
  readonly linkDirectory: string | undefined
}

/** Directories built into the x86-64 dynamic linkers of Debian, Fedora and Arch. */
const defaultDirectories = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib"
] as const

/** Returns the directories listed in `ld.so.conf` and the files it includes, in order. */
const configuredDirectories = Effect.fn("ElfDeps.configuredDirectories")(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const seen = new Set<string>()
  const read = (file: string): Effect.Effect<ReadonlyArray<string>> =>
    Effect.gen(function* () {
      if (seen.has(file)) return []
      seen.add(file)
      const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
      const directories: Array<string> = []
      for (const line of text.split("\n").map((raw) => raw.replace(/#.*/, "").trim())) {
        const include = /^include\s+(.+)$/.exec(line)
        if (include === null) {
          if (line !== "" && !line.startsWith("hwcap")) directories.push(line.replace(/=.*/, ""))
          continue
        }
        const pattern = path.resolve(path.dirname(file), include[1] ?? "")
        const glob = new RegExp(
          `^${path
            .basename(pattern)
            .replace(/[.+^${}()|[\]\\]/g, "\\$&")
            .replace(/\*/g, ".*")
            .replace(/\?/g, ".")}$`
        )
        const names = yield* Effect.orElseSucceed(fs.readDirectory(path.dirname(pattern)), (): Array<string> => [])
        for (const name of names.filter((candidate) => glob.test(candidate)).sort()) {
          directories.push(...(yield* read(path.join(path.dirname(pattern), name))))
        }
      }
      return directories
    })
  return yield* read(root)
})

const scriptInterpreter = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return undefined
  const line = new TextDecoder().decode(bytes.subarray(2, 258)).split("\n")[0] ?? ""
  return line.trim().split(/\s+/)[0] || undefined
}

/**
 * Finds the files that the programs need. Files that are neither ELF nor scripts need nothing; a script needs its interpreter and the files that the
 * interpreter needs. `provided` lists absolute guest paths that exist anyway (busybox's `/bin/sh`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const programNeeds: (
  programs: ReadonlyArray<string>,
  options?: { readonly provided?: ReadonlySet<string>; readonly ldSoConf?: string }
) => Effect.Effect<ProgramNeeds, ElfDepsError, FileSystem.FileSystem | Path.Path> = Effect.fn("ElfDeps.programNeeds")(
  function* (
    programs: ReadonlyArray<string>,
    options?: { readonly provided?: ReadonlySet<string>; readonly ldSoConf?: string }
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const configuredIn = yield* configuredDirectories(options?.ldSoConf ?? "/etc/ld.so.conf")
    const files = new Set<string>()
    const configured = new Set<string>()
    /** The dynamic linker loads one library per soname, whichever file needs it. */
    const bySoname = new Map<string, string>()
    const visited = new Set<string>()

    const readBytes = (file: string, wantedBy: string) =>
      Effect.mapError(
        fs.readFile(file),
        (cause) =>
          new ElfDepsError({
            file: wantedBy,
            missing: file,
            message: `${file}, needed by ${wantedBy}, cannot be read: ${cause.message}`
          })
      )
    const isLibrary = (file: string): Effect.Effect<boolean> =>
      fs.stat(file).pipe(
        Effect.map((info) => info.type === "File"),
        Effect.orElseSucceed(() => false)
      )
    const expand = (directory: string, object: string): string =>
      directory.replace(/\$(ORIGIN|\{ORIGIN\})/g, path.dirname(object)).replace(/\$(LIB|\{LIB\})/g, "lib64")

    const find = Effect.fnUntraced(function* (
      soname: string,
      object: string,
      dynamic: ElfDynamic,
      rpaths: ReadonlyArray<string>
    ) {
      if (soname.includes("/")) return Option.some(path.resolve(soname))
      // ld.so(8): if an object has DT_RUNPATH, its own DT_RPATH and that of its loaders are ignored.
      const own = dynamic.runpath.length > 0 ? dynamic.runpath.map((directory) => expand(directory, object)) : rpaths
      for (const directory of own) {
        if (yield* isLibrary(path.join(directory, soname))) return Option.some(path.join(directory, soname))
      }
      for (const directory of [...configuredIn, ...defaultDirectories]) {
        const file = path.join(directory, soname)
        if (yield* isLibrary(file)) {
          if (!defaultDirectories.some((known) => known === directory)) configured.add(file)
          return Option.some(file)
        }
      }
      return Option.none<string>()
    })

    const visit = (
      file: string,
      wantedBy: string,
      inherited: ReadonlyArray<string>
    ): Effect.Effect<void, ElfDepsError> =>
      Effect.gen(function* () {
        if (visited.has(file)) return
        visited.add(file)
        const bytes = yield* readBytes(file, wantedBy)
        const script = scriptInterpreter(bytes)
        if (script !== undefined) {
          if (options?.provided?.has(script)) return
          if (!(yield* isLibrary(script))) {
            return yield* new ElfDepsError({
              file,
              missing: script,
              message: `interpreter ${script} of the script ${file} does not exist`
            })
          }
          files.add(script)
          return yield* visit(script, file, [])
        }
        if (!isElf(bytes)) return
        const dynamic = yield* Effect.mapError(
          elfDynamic(bytes),
          (cause) => new ElfDepsError({ file, missing: file, message: `${file} cannot be packed: ${cause.message}` })
        )
        const rpaths = [...dynamic.rpath.map((directory) => expand(directory, file)), ...inherited]
        if (dynamic.interpreter !== undefined) {
          if (!(yield* isLibrary(dynamic.interpreter))) {
            return yield* new ElfDepsError({
              file,
              missing: dynamic.interpreter,
              message: `dynamic linker ${dynamic.interpreter} of ${file} does not exist on this machine: install it or link ${path.basename(file)} statically`
            })
          }
          files.add(dynamic.interpreter)
          // The dynamic linker is already loaded when the C library needs it by its soname.
          bySoname.set(path.basename(dynamic.interpreter), dynamic.interpreter)
        }
        for (const soname of dynamic.needed) {
          const known = bySoname.get(soname)
          if (known !== undefined) continue
          const found = yield* find(soname, file, dynamic, rpaths)
          if (Option.isNone(found)) {
            return yield* new ElfDepsError({
              file,
              missing: soname,
              message: `library ${soname}, needed by ${file}, was not found: install its package, or set the RUNPATH of ${path.basename(file)}`
            })
          }
          bySoname.set(soname, found.value)
          files.add(found.value)
          yield* visit(found.value, file, rpaths)
        }
      })

    for (const program of programs) yield* visit(path.resolve(program), program, [])
    const libc = [...bySoname].find(([soname]) => /^(libc\.so\.|ld-musl)/.test(soname))?.[1]
    return {
      files: [...files].sort(),
      configured: [...configured].sort(),
      linkDirectory: libc === undefined ? undefined : path.dirname(libc)
    }
  }
)
