/**
 * `metadata.json` of a kernel cache entry, and the ways in which an entry can be corrupt.
 *
 * @since 0.1.0
 */
import { Either, Schema } from "effect"
import { decodeOutside } from "../image/index.ts"

const FileRecord = Schema.Struct({
  /** Name inside the entry's directory. */
  file: Schema.String.pipe(Schema.pattern(/^[^/]+$/)),
  size: Schema.NonNegativeInt,
  /** Lower-case hex. */
  sha256: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))
})

/**
 * A file of an entry as its metadata knows it.
 *
 * @since 0.1.0
 * @category models
 */
export type FileRecord = typeof FileRecord.Type

/**
 * @since 0.1.0
 * @category models
 */
export class KernelMetadata extends Schema.Class<KernelMetadata>("KernelMetadata")({
  schemaVersion: Schema.Literal(1),
  key: Schema.String,
  /** Kernel release as `uname -r` will say it. */
  version: Schema.String,
  /** Name that results carry, e.g. `kernel_distro_7_3_4_deb13_amd64`. */
  label: Schema.String,
  arch: Schema.Literal("x86_64"),
  /** Who made it: the source plugin's name and what it fetched. */
  source: Schema.Struct({
    type: Schema.String,
    /** One line for people, e.g. `linux-binary-7.3.4+deb13-amd64 7.3.4-1~bpo13+1 (trixie-backports)`. */
    description: Schema.String,
    /** What asks for the same again, e.g. `distro:trixie-backports/linux-binary-7.3.4+deb13-amd64`. */
    spec: Schema.String
  }),
  toolVersion: Schema.String,
  builtAt: Schema.DateTimeUtc,
  image: FileRecord,
  /** The uncompressed ELF; null with the reason in `vmlinuxAbsent`. */
  vmlinux: Schema.NullOr(FileRecord),
  vmlinuxAbsent: Schema.NullOr(Schema.String),
  /** CONFIG_SCHED_CLASS_EXT by the image's BTF; null when the ELF could not be looked into. */
  schedExt: Schema.NullOr(Schema.Boolean),
  /** SHA-256 of the configuration fragment it was built with; null for a kernel not built by ktstr. */
  kconfigHash: Schema.NullOr(Schema.String),
  /** The configuration it was built with; null when it is not known. */
  config: Schema.optionalWith(Schema.NullOr(FileRecord), { default: () => null })
}) {}

/**
 * Stable tokens of `error_kind` in `ktstr kernel list --json`.
 *
 * @since 0.1.0
 * @category models
 */
export const CorruptKind: Schema.Literal<
  ["missing", "unreadable", "schema_drift", "malformed", "truncated", "parse_error", "image_missing", "unknown"]
> = Schema.Literal(
  "missing",
  "unreadable",
  "schema_drift",
  "malformed",
  "truncated",
  "parse_error",
  "image_missing",
  "unknown"
)

/**
 * @since 0.1.0
 * @category models
 */
export type CorruptKind = typeof CorruptKind.Type

/**
 * @since 0.1.0
 * @category models
 */
export interface Corruption {
  readonly kind: CorruptKind
  /** For people, e.g. `metadata.json malformed: …`. */
  readonly error: string
}

const corrupt = (kind: CorruptKind, error: string): Either.Either<never, Corruption> => Either.left({ kind, error })

/** JSON that stops before it ends: every prefix of an object lacks its last brace. */
const isCutShort = (text: string): boolean => !text.trimEnd().endsWith("}")

/**
 * Reads `metadata.json`. `truncated` is text that ends before its object does, `malformed` is text that is no JSON, `parse_error` is JSON
 * that is no object, `schema_drift` an object of another shape or schema version.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseKernelMetadata = (text: string): Either.Either<KernelMetadata, Corruption> => {
  const json = Either.try({ try: () => JSON.parse(text) as unknown, catch: String })
  if (Either.isLeft(json)) {
    return isCutShort(text)
      ? corrupt("truncated", `metadata.json truncated: it ends after ${text.length} characters`)
      : corrupt("malformed", `metadata.json malformed: ${json.left.replace(/^\w*Error: /, "")}`)
  }
  const value = json.right
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return corrupt("parse_error", "metadata.json cannot be parsed: it holds no JSON object")
  }
  const version = "schemaVersion" in value ? value.schemaVersion : undefined
  if (version !== 1) {
    return corrupt(
      "schema_drift",
      `metadata.json schema drift: schema version ${JSON.stringify(version)}, this ktstr reads 1`
    )
  }
  return Either.mapLeft(decodeOutside(KernelMetadata, value), (why) => ({
    kind: "schema_drift" as const,
    error: `metadata.json schema drift: ${why}`
  }))
}

/**
 * @since 0.1.0
 * @category encoding
 */
export const encodeKernelMetadata = (metadata: KernelMetadata): string =>
  `${JSON.stringify(Schema.encodeSync(KernelMetadata)(metadata), null, 2)}\n`
