/**
 * Determines this machine's distribution and where to look for its kernels with sched_ext.
 *
 * @since 0.1.0
 */
import { FileSystem } from "@effect/platform"
import { KernelError } from "@ktstr/core/kernel"
import { Effect } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface Distribution {
  /** `Origin` of its archive. */
  readonly origin: "Debian" | "Ubuntu"
  /** Suite of this machine, e.g. `bookworm`. */
  readonly codename: string
  /** Debian testing and unstable carry no VERSION_ID; they are newer than stable. */
  readonly rolling: boolean
  /** Keyrings that sign its archive, in order of preference. */
  readonly keyrings: ReadonlyArray<string>
}

/**
 * Reads os-release(5) text; undefined for a system that is neither Debian nor Ubuntu nor derived from one.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseOsRelease = (text: string): Distribution | undefined => {
  const fields = new Map(
    text.split("\n").flatMap((line) => {
      const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim())
      return match === null ? [] : [[match[1] ?? "", match[2] ?? match[3] ?? match[4] ?? ""] as const]
    })
  )
  const family = [fields.get("ID"), ...(fields.get("ID_LIKE") ?? "").split(" ")]
  const distribution = (origin: "Debian" | "Ubuntu", codename: string): Distribution => ({
    origin,
    codename,
    rolling: origin === "Debian" && !fields.has("VERSION_ID"),
    keyrings: ["gpg", "pgp"].map((suffix) => `/usr/share/keyrings/${origin.toLowerCase()}-archive-keyring.${suffix}`)
  })
  const codename = fields.get("VERSION_CODENAME") ?? ""
  if (family.includes("ubuntu")) return distribution("Ubuntu", fields.get("UBUNTU_CODENAME") ?? codename)
  if (family.includes("debian")) return distribution("Debian", fields.get("DEBIAN_CODENAME") ?? codename)
  return undefined
}

/**
 * Returns the suites to search if the user named none, the most promising first. `stable` is the codename of the archive's stable release:
 * its backports carry the newest kernels that are built for a released system, whatever release this machine runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const candidateSuites = (distribution: Distribution, stable: string): ReadonlyArray<string> => {
  const own = distribution.codename
  const suites =
    distribution.origin === "Ubuntu"
      ? [`${own}-updates`, `${own}-security`, own]
      : distribution.rolling
        ? [own, `${stable}-backports`, stable]
        : [`${stable}-backports`, stable, `${own}-backports`, own]
  return [...new Set(suites)].filter((suite) => !suite.startsWith("-") && suite !== "")
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const detectDistribution: Effect.Effect<Distribution, KernelError, FileSystem.FileSystem> = Effect.gen(
  function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString("/etc/os-release").pipe(
      Effect.orElse(() => fs.readFileString("/usr/lib/os-release")),
      Effect.orElseSucceed(() => "")
    )
    const found = parseOsRelease(text)
    if (found !== undefined) return found
    const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? "this system"
    return yield* new KernelError({
      reason: "Unsupported",
      message: `${name} is neither Debian nor Ubuntu: ktstr has no distribution kernel to fetch for it; give a kernel with --kernel PATH or KTSTR_TEST_KERNEL`
    })
  }
)
