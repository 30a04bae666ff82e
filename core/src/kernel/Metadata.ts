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
 * A file of an entry, as recorded in its metadata.
 *
 * @since 0.1.0
 * @category models
 */
export type FileRecord = typeof FileRecord.Type

/**
 * The content of `metadata.json`, schema version 1.
 *
 * @since 0.1.0
 * @category models
 */
export class KernelMetadata extends Schema.Class<KernelMetadata>("KernelMetadata")({
  schemaVersion: Schema.Literal(1),
  key: Schema.String,
  /** Kernel release, as `uname -r` will print it. */
  version: Schema.String,
  /** Label used in results, e.g. `kernel_distro_7_3_4_deb13_amd64`. */
  label: Schema.String,
  arch: Schema.Literal("x86_64"),
  /** The kernel's origin: the source plugin's name and what it fetched. */
  source: Schema.Struct({
    type: Schema.String,
    /** One line for people, e.g. `linux-binary-7.3.4+deb13-amd64 7.3.4-1~bpo13+1 (trixie-backports)`. */
    description: Schema.String,
    /** The spec that requests the same kernel again, e.g. `distro:trixie-backports/linux-binary-7.3.4+deb13-amd64`. */
    spec: Schema.String
  }),
  toolVersion: Schema.String,
  builtAt: Schema.DateTimeUtc,
  image: FileRecord,
  /** The uncompressed ELF; if null, `vmlinuxAbsent` has the reason. */
  vmlinux: Schema.NullOr(FileRecord),
  vmlinuxAbsent: Schema.NullOr(Schema.String),
  /** Whether the image's BTF shows CONFIG_SCHED_CLASS_EXT; null if the ELF could not be inspected. */
  schedExt: Schema.NullOr(Schema.Boolean),
  /** SHA-256 of the configuration fragment it was built with; null for a kernel not built by ktstr. */
  kconfigHash: Schema.NullOr(Schema.String),
  /** The configuration it was built with; null if unknown. */
  config: Schema.optionalWith(Schema.NullOr(FileRecord), { default: () => null })
}) {}

/**
 * Stable values of `error_kind` in `ktstr kernel list --json`.
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
 * One of the kinds listed in the schema.
 *
 * @since 0.1.0
 * @category models
 */
export type CorruptKind = typeof CorruptKind.Type

/**
 * How an entry is corrupt.
 *
 * @since 0.1.0
 * @category models
 */
export interface Corruption {
  readonly kind: CorruptKind
  /** Description for people, e.g. `metadata.json malformed: …`. */
  readonly error: string
}

const corrupt = (kind: CorruptKind, error: string): Either.Either<never, Corruption> => Either.left({ kind, error })

/** Returns whether JSON text is incomplete: every proper prefix of an object lacks the last brace. */
const isCutShort = (text: string): boolean => !text.trimEnd().endsWith("}")

/**
 * Parses `metadata.json`. `truncated`: the text ends before its object does; `malformed`: the text is not JSON; `parse_error`: the JSON is not an
 * object; `schema_drift`: the object has another shape or schema version.
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
 * Returns the text of `metadata.json` for an entry: indented JSON with a final newline.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeKernelMetadata = (metadata: KernelMetadata): string =>
  `${JSON.stringify(Schema.encodeSync(KernelMetadata)(metadata), null, 2)}\n`
