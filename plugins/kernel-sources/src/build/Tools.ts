/**
 * The programs and headers that a kernel build needs.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { KernelError } from "@ktstr/core/kernel"
import { Config, Effect } from "effect"
import type { BuildBase } from "./KernelFragment.ts"

interface Tool {
  /** Debian's name. */
  readonly package: string
  readonly program?: string
  readonly files?: ReadonlyArray<string>
}

const headers = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/local/include"]

const tools: ReadonlyArray<Tool> = [
  { package: "gcc", program: "gcc" },
  { package: "make", program: "make" },
  { package: "flex", program: "flex" },
  { package: "bison", program: "bison" },
  { package: "bc", program: "bc" },
  { package: "lz4", program: "lz4" },
  { package: "xz-utils", program: "xz" },
  { package: "binutils", program: "objcopy" },
  { package: "pahole", program: "pahole" },
  { package: "libelf-dev", files: headers.map((directory) => `${directory}/gelf.h`) }
]

/** `defconfig` has a wireless stack, whose rules are checked with a certificate that a program using OpenSSL embeds. */
const ofDefconfig: ReadonlyArray<Tool> = [
  { package: "libssl-dev", files: headers.map((directory) => `${directory}/openssl/opensslv.h`) }
]

/**
 * Checks the prerequisites of a build on a base. Fails with `Unsupported`, which names what is missing and the command that installs it.
 *
 * @since 0.1.0
 * @category predicates
 */
export const checkBuildTools: (base: BuildBase) => Effect.Effect<void, KernelError, FileSystem.FileSystem | Path.Path> =
  Effect.fn("BuildTools.check")(function* (base: BuildBase) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const searched = yield* Effect.orElseSucceed(Config.string("PATH"), () => "/usr/bin:/bin")
    const directories = searched.split(":").filter((directory) => directory !== "")
    const exists = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
    const needed = base === "defconfig" ? [...tools, ...ofDefconfig] : tools
    const missing = yield* Effect.filter(needed, (tool) => {
      const places = tool.files ?? directories.map((directory) => path.join(directory, tool.program ?? ""))
      return Effect.map(Effect.exists(places, exists), (found) => !found)
    })
    if (missing.length === 0) return
    const packages = missing.map((tool) => tool.package).join(" ")
    return yield* new KernelError({
      reason: "Unsupported",
      message: `building a kernel needs ${missing.map((tool) => tool.program ?? tool.package).join(", ")}, which ${missing.length === 1 ? "is" : "are"} not there: apt-get install -y --no-install-recommends ${packages}`
    })
  })
