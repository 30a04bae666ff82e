/**
 * Parses `distro:[SUITE/]PACKAGE-PATTERN` and selects its packages.
 *
 * @since 0.1.0
 */
import { compareVersions, isVersionPrefix } from "@ktstr/core/kernel"

/**
 * @since 0.1.0
 * @category models
 */
export interface DistroSpec {
  readonly suite: string | undefined
  /** Glob over package names, or a version prefix such as `7.2`; undefined: the newest kernel with sched_ext. */
  readonly pattern: string | undefined
}

/**
 * One package that may hold a kernel image.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelPackage {
  readonly name: string
  /** Package version, `7.3.4-1~bpo13+1`. */
  readonly version: string
  readonly suite: string
  readonly size: number
  readonly sha256: string
  /** Path below the archive's root. */
  readonly filename: string
}

/**
 * Parses the part after `distro:`; the prefix itself may be absent.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseDistroSpec = (text: string | undefined): DistroSpec => {
  const body = (text ?? "").replace(/^distro:/, "")
  const slash = body.indexOf("/")
  const orUndefined = (part: string): string | undefined => (part === "" ? undefined : part)
  return slash < 0
    ? { suite: undefined, pattern: orUndefined(body) }
    : { suite: orUndefined(body.slice(0, slash)), pattern: orUndefined(body.slice(slash + 1)) }
}

const named = /^linux-(binary|image)-(?:(unsigned)-)?([0-9].*)-(amd64|generic)$/

/**
 * Returns the release of a kernel package; undefined for packages of another kind (metapackages, debug symbols, headers).
 *
 * @since 0.1.0
 * @category parsing
 */
export const packageRelease = (name: string): string | undefined => {
  const match = named.exec(name)
  return match === null ? undefined : `${match[3]}-${match[4]}`
}

/** `7.3.4+deb13-rt-amd64`: letters after a dash before the architecture name a flavour. */
const isFlavoured = (name: string): boolean => /-[a-z]/.test(named.exec(name)?.[3] ?? "")

const isUnsigned = (name: string): boolean => named.exec(name)?.[2] !== undefined

const escapeRegExp = (text: string): string => text.replace(/[.+^${}()|[\]\\]/g, "\\$&")

/**
 * Returns whether a package name matches the pattern. `*` and `?` work as in a shell; a pattern that begins with a digit is a
 * version prefix. Unsigned variants and flavours (rt, cloud) match only a pattern that names them.
 *
 * @since 0.1.0
 * @category predicates
 */
export const matchesPattern = (pattern: string | undefined, name: string): boolean => {
  const release = packageRelease(name)
  if (release === undefined) return false
  const wanted = pattern ?? ""
  if (isUnsigned(name) && !wanted.includes("unsigned")) return false
  if (isFlavoured(name) && !/rt|cloud|lowlatency|[0-9]-[a-z]+-/.test(wanted)) return false
  // CONFIG_SCHED_CLASS_EXT came with 6.12.
  if (pattern === undefined) return compareVersions(release, "6.12") >= 0
  if (/^[0-9]/.test(pattern)) return isVersionPrefix(pattern, release)
  const glob = new RegExp(`^${escapeRegExp(pattern).replace(/\*/g, ".*").replace(/\?/g, ".")}$`)
  // Since 7.0 Debian's linux-image-* only depends on the linux-binary-* that has the image.
  return glob.test(name) || glob.test(name.replace(/^linux-binary-/, "linux-image-"))
}

/**
 * Returns the matching packages, newest release first. If a release comes both as `linux-binary-*` (with the image) and as `linux-image-*`
 * (then a metapackage), the former comes first.
 *
 * @since 0.1.0
 * @category ordering
 */
export const selectPackages = (
  pattern: string | undefined,
  packages: ReadonlyArray<KernelPackage>
): ReadonlyArray<KernelPackage> =>
  packages
    .filter((candidate) => matchesPattern(pattern, candidate.name))
    .sort(
      (a, b) =>
        compareVersions(packageRelease(b.name) ?? "", packageRelease(a.name) ?? "") ||
        Number(b.name.startsWith("linux-binary-")) - Number(a.name.startsWith("linux-binary-")) ||
        compareVersions(b.version, a.version)
    )

/**
 * Parses the stanzas of a Packages index (deb822). Stanzas without the fields that a download needs are left out.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parsePackages = (text: string, suite: string): ReadonlyArray<KernelPackage> =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(stanza)?.[1]?.trim()
    const [name, version, size, sha256, filename] = ["Package", "Version", "Size", "SHA256", "Filename"].map(field)
    return name !== undefined &&
      version !== undefined &&
      filename !== undefined &&
      /^[0-9]+$/.test(size ?? "") &&
      /^[0-9a-f]{64}$/.test(sha256 ?? "")
      ? [{ name, version, suite, filename, size: Number(size), sha256: sha256! }]
      : []
  })
