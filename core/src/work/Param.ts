/**
 * Parameters of work types: how each is read and checked, its default, and its description in listings.
 *
 * @since 0.1.0
 */
import { Duration, Either, ParseResult, Schema } from "effect"

/**
 * A parameter. `decode` reads what a user writes (a number, or text from a command line) and checks the bounds; its error continues a sentence that
 * begins with the parameter's name.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkParam<A> {
  readonly decode: (value: unknown) => Either.Either<A, string>
  readonly default: A
  readonly info: WorkParamInfo
}

/**
 * A parameter's description in listings; its values are in a form that `decode` accepts.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkParamInfo {
  readonly description: string
  readonly default: string
  /** For example `integer`, `bytes`, `duration`. */
  readonly type: string
  readonly min: string | undefined
  readonly max: string | undefined
}

/**
 * Default and bounds of a parameter, both bounds included.
 *
 * @since 0.1.0
 * @category models
 */
export interface BoundedOptions<A> {
  readonly default: A
  readonly min: A
  readonly max: A
  readonly description: string
}

const bounded = (
  type: string,
  expected: string,
  read: (value: unknown) => number | undefined,
  show: (value: number) => string,
  o: BoundedOptions<number>
): WorkParam<number> => {
  const range = `${expected} from ${show(o.min)} to ${show(o.max)}`
  return {
    decode: (value) => {
      const number = read(value)
      return number !== undefined && number >= o.min && number <= o.max
        ? Either.right(number)
        : Either.left(`must be ${range}, got ${typeof value === "string" ? `'${value}'` : String(value)}`)
    },
    default: o.default,
    info: { description: o.description, type, default: show(o.default), min: show(o.min), max: show(o.max) }
  }
}

const readInteger = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined
  return typeof value === "string" && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : undefined
}

const byteUnits: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

const readBytes = (value: unknown): number | undefined => {
  if (typeof value !== "string") return readInteger(value)
  const match = /^(\d+)\s*(?:([kmg])(?:i?b)?|b)?$/i.exec(value.trim())
  return match === null ? undefined : Number(match[1]) * byteUnits[(match[2] ?? "").toLowerCase()]!
}

const showBytes = (bytes: number): string => {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10]
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return `${bytes}B`
}

const durationUnits: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10 }

/** Reads a duration in nanoseconds. A bare number is milliseconds, as everywhere in Effect. */
const readDuration = (value: unknown): number | undefined => {
  if (typeof value === "string") {
    const match = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m)?$/.exec(value.trim())
    if (match !== null) return Math.round(Number(match[1]) * durationUnits[match[2] ?? "ms"]!)
  }
  try {
    const duration = Duration.decode(value as Duration.DurationInput)
    return Duration.isFinite(duration) ? Number(Duration.unsafeToNanos(duration)) : undefined
  } catch {
    return undefined
  }
}

const showDuration = (ns: number): string => {
  for (const [unit, size] of [
    ["s", 1e9],
    ["ms", 1e6],
    ["us", 1e3]
  ] as const) {
    if (ns >= size && ns % size === 0) return `${ns / size}${unit}`
  }
  return `${ns}ns`
}

/**
 * Constructors of parameters.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkParam: {
  /** Makes a whole number within bounds, both included. */
  readonly integer: (options: BoundedOptions<number>) => WorkParam<number>
  /** Makes a size in bytes, which may be written `32KiB`, `4K` or `1M`. */
  readonly bytes: (options: BoundedOptions<number>) => WorkParam<number>
  /** Makes a duration, decoded to `Duration`, which may be written `100us`, `10ms` or `2s`. A bare number is milliseconds. */
  readonly duration: (options: BoundedOptions<Duration.DurationInput>) => WorkParam<Duration.Duration>
  /** Makes a parameter that a schema decodes from what a user writes. */
  readonly schema: <A, I>(
    schema: Schema.Schema<A, I>,
    options: {
      readonly default: NoInfer<A>
      readonly type: string
      readonly description: string
      readonly defaultText: string
    }
  ) => WorkParam<A>
} = {
  integer: (options) => bounded("integer", "a whole number", readInteger, String, options),
  bytes: (options) => bounded("bytes", "a size", readBytes, showBytes, options),
  duration: (options) => {
    const nanos = (input: Duration.DurationInput) => Number(Duration.unsafeToNanos(input))
    const numeric = bounded("duration", "a duration", readDuration, showDuration, {
      description: options.description,
      default: nanos(options.default),
      min: nanos(options.min),
      max: nanos(options.max)
    })
    return {
      decode: (value) => Either.map(numeric.decode(value), (ns) => Duration.nanos(BigInt(ns))),
      default: Duration.decode(options.default),
      info: numeric.info
    }
  },
  schema: (schema, o) => ({
    decode: (value) =>
      Either.mapLeft(Schema.decodeUnknownEither(schema)(value), (error) =>
        ParseResult.ArrayFormatter.formatErrorSync(error)
          .map((issue) => issue.message)
          .join("; ")
      ),
    default: o.default,
    info: { description: o.description, type: o.type, default: o.defaultText, min: undefined, max: undefined }
  })
}
