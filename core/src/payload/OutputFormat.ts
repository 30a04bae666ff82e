/**
 * Reads the output of payloads, and registers output formats.
 *
 * @since 0.1.0
 */
import { Context, Data, Effect, Either, Layer, Option, ParseResult, Schema } from "effect"
import {
  describeFault,
  makeRegistry,
  type RegisterError,
  type Registrable,
  RegistrationError,
  type Registry,
  registering,
  registrationProblem
} from "../base/index.ts"
import { LlmExtract } from "./LlmExtract.ts"
import type { MetricValue } from "./Metric.ts"

/**
 * A format can't be used as requested: its name is unknown, its options do not decode, or it needs a language model and none is installed.
 *
 * @since 0.1.0
 * @category errors
 */
export class OutputFormatError extends Data.TaggedError("OutputFormatError")<{
  readonly reason: "UnknownFormat" | "BadOption" | "NoModel"
  readonly message: string
}> {}

/**
 * One report of a program, which may print several.
 *
 * @since 0.2.0
 * @category models
 */
export interface OutputReport {
  /** Metrics of the report. A value that is not finite is reported by name if the metric is requested, and otherwise left out. */
  readonly metrics: ReadonlyArray<MetricValue>
  /** Text found in place of a number, by the metric's name: `text`, `null`. */
  readonly others?: ReadonlyMap<string, string> | undefined
  /**
   * If set, the report is incomplete or unreadable and its metrics do not count. Continues a message that starts with "its output", for example `is
   * no JSON (it ends where a value should be at line 3, column 9)`.
   */
  readonly broken?: string | undefined
}

/**
 * A format with its options, ready to read.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutputReader {
  readonly name: string
  /** Arguments that make a program print this format; they precede the payload's own. */
  readonly args: ReadonlyArray<string>
  /** Whether there is anything to read; `ExitCode` reads nothing. */
  readonly reads: boolean
  /**
   * Reads the reports in the complete text of one stream, in order; an empty list if there are none. The error continues a message that starts with
   * "its output", for example `is no JSON: "garbage"`.
   */
  readonly reports: (text: string) => Effect.Effect<ReadonlyArray<OutputReport>, string>
}

/**
 * An output format.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutputFormat {
  readonly name: string
  /** One line. */
  readonly description: string
  readonly instantiate: (
    options: Readonly<Record<string, unknown>>
  ) => Either.Either<OutputReader, { readonly message: string }>
}

interface FormatDescription<O, I> {
  readonly name: string
  /** One line. */
  readonly description: string
  /** Decodes the options of a payload's output; unset: the format has no options. */
  readonly options?: Schema.Schema<O, I>
  /** Default: none. */
  readonly args?: ReadonlyArray<string>
  /** Default: true. */
  readonly reads?: boolean
}

/**
 * The parts of a format. Use `read` if programs print one report, and `reports` (like `OutputReader.reports`, but without Effect) if they may print
 * several or incomplete ones. An exception in either counts as an error.
 *
 * @since 0.1.0
 * @category models
 */
export type OutputFormatOptions<O, I = unknown> = FormatDescription<O, I> &
  (
    | {
        readonly read: (text: string, options: O) => Either.Either<ReadonlyArray<MetricValue>, string>
        readonly reports?: undefined
      }
    | {
        readonly reports: (text: string, options: O) => Either.Either<ReadonlyArray<OutputReport>, string>
        readonly read?: undefined
      }
  )

/**
 * The registry of output formats.
 *
 * @since 0.1.0
 * @category services
 */
export class OutputFormats extends Context.Tag("@ktstr/core/OutputFormats")<
  OutputFormats,
  Registry<OutputFormat, OutputFormatError>
>() {}

const registrable: Registrable = {
  kind: "output format",
  maker: "OutputFormat.make",
  fields: { name: "name", description: "string", instantiate: "function" }
}

/** Returns the shape that a format's specification must have. */
const specified = (spec: { readonly reports?: unknown } | null | undefined): Registrable => ({
  kind: "output format",
  maker: "OutputFormat.make({ name, description, read })",
  fields: {
    name: "name",
    description: "string",
    args: "list?",
    [spec?.reports === undefined ? "read" : "reports"]: "function"
  }
})

/**
 * Makes an empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeOutputFormats: Effect.Effect<Context.Tag.Service<OutputFormats>> = makeRegistry<
  OutputFormat,
  OutputFormatError
>({
  what: registrable,
  unknown: (name, hint) =>
    new OutputFormatError({ reason: "UnknownFormat", message: `unknown output format '${name}'${hint}` })
})

/**
 * Provides an empty registry, which plugins' layers fill: `Layer.provideMerge(pluginLayer, layerOutputFormats)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOutputFormats: Layer.Layer<OutputFormats> = Layer.effect(OutputFormats, makeOutputFormats)

const contain = <A>(name: string, body: () => Either.Either<A, string>): Either.Either<A, string> => {
  try {
    const read: unknown = body()
    return Either.isEither(read)
      ? (read as Either.Either<A, string>)
      : Either.left(`can't be read: output format '${name}' gave what is no Either`)
  } catch (error) {
    return Either.left(`can't be read: output format '${name}' failed: ${describeFault(error)}`)
  }
}

/** Instantiates a format and checks the result, because the format may not have been made by `make`. */
const instantiated = (
  format: OutputFormat,
  options: Readonly<Record<string, unknown>>
): Either.Either<OutputReader, OutputFormatError> => {
  const bad = (message: string) => Either.left(new OutputFormatError({ reason: "BadOption", message }))
  const { name } = format
  try {
    const made: unknown = format.instantiate(options)
    if (!Either.isEither(made)) return bad(`output format '${name}': its instantiate gave what is no Either`)
    if (Either.isLeft(made)) return bad((made.left as { readonly message: string }).message)
    const wrong = registrationProblem(made.right, {
      kind: "reader",
      maker: "OutputFormat.make",
      fields: { name: "name", args: "list", reports: "function" }
    })
    return wrong === undefined ? Either.right(made.right as OutputReader) : bad(`output format '${name}': ${wrong}`)
  } catch (error) {
    return bad(`output format '${name}': its instantiate failed: ${describeFault(error)}`)
  }
}

const makeFormat = <O, I>(spec: OutputFormatOptions<O, I>): OutputFormat => {
  const wrong = registrationProblem(spec, specified(spec))
  if (wrong !== undefined) throw new RegistrationError({ message: wrong })
  const { args = [], description, name, reads = true } = spec
  // Without a schema, O is the type that an empty struct decodes to.
  const schema = spec.options ?? (Schema.Struct({}) as Schema.Schema<unknown> as Schema.Schema<O, I>)
  const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })
  return {
    name,
    description,
    instantiate: (options) =>
      Either.mapBoth(decode(options), {
        onLeft: (error) => {
          const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
          const where = first === undefined || first.path.length === 0 ? "its options" : first.path.join(".")
          return { message: `output format '${name}': ${where}: ${first?.message ?? "not understood"}` }
        },
        onRight: (decoded): OutputReader => ({
          name,
          args,
          reads,
          reports: (text) =>
            Effect.suspend(() =>
              contain(name, () => {
                if (spec.reports !== undefined) return spec.reports(text, decoded)
                const read: unknown = spec.read(text, decoded)
                return Either.isEither(read)
                  ? Either.map(read as Either.Either<ReadonlyArray<MetricValue>, string>, (metrics) => [{ metrics }])
                  : (read as Either.Either<ReadonlyArray<OutputReport>, string>)
              })
            )
        })
      })
  }
}

/**
 * Functions to make and register formats.
 *
 * @since 0.1.0
 * @category constructors
 */
export const OutputFormat: {
  /** Makes a format without registering it. Throws a `RegistrationError` if the specification is invalid. */
  readonly make: <O = {}, I = unknown>(spec: OutputFormatOptions<O, I>) => OutputFormat
  /** Returns a layer that registers a format. */
  readonly plugin: <O = {}, I = unknown>(
    spec: OutputFormatOptions<O, I>
  ) => Layer.Layer<never, RegisterError, OutputFormats>
  /** A layer that registers several made by `make`, in order. */
  readonly layerAll: (formats: ReadonlyArray<OutputFormat>) => Layer.Layer<never, RegisterError, OutputFormats>
} = {
  make: makeFormat,
  plugin: (spec) => OutputFormat.layerAll([makeFormat(spec)]),
  layerAll: (formats) => registering(OutputFormats, registrable, formats)
}

/**
 * How a payload's output is to be read.
 *
 * @since 0.1.0
 * @category models
 */
export type OutputRef = Data.TaggedEnum<{
  Format: { readonly name: string; readonly options: Readonly<Record<string, unknown>> }
  /** Free text, read by a local language model with this `hint`. */
  LlmExtract: { readonly hint: string }
}>

const refs = Data.taggedEnum<OutputRef>()

/**
 * Constructors of references to formats.
 *
 * @since 0.1.0
 * @category constructors
 */
export const OutputRef: {
  /** References a registered format, with its options if it has any. */
  readonly of: (name: string, options?: Readonly<Record<string, unknown>>) => OutputRef
  /** Reads nothing; only the exit status counts. */
  readonly ExitCode: OutputRef
  /** Reads every number in a JSON document, by its dotted path. */
  readonly Json: OutputRef
  readonly LlmExtract: (hint: string) => OutputRef
  /** Looks the format up and decodes its options. */
  readonly resolve: (ref: OutputRef) => Effect.Effect<OutputReader, OutputFormatError, OutputFormats>
} = {
  of: (name, options = {}) => refs.Format({ name, options }),
  ExitCode: refs.Format({ name: "ExitCode", options: {} }),
  Json: refs.Format({ name: "Json", options: {} }),
  LlmExtract: (hint) => refs.LlmExtract({ hint }),
  resolve: Effect.fn("OutputRef.resolve")(function* (ref: OutputRef) {
    if (ref._tag === "LlmExtract") {
      const model = yield* Effect.serviceOption(LlmExtract)
      if (Option.isNone(model)) {
        const message =
          "output LlmExtract needs a language model, and no plugin provides one; use another output format"
        return yield* new OutputFormatError({ reason: "NoModel", message })
      }
      return {
        name: "LlmExtract",
        args: [],
        reads: true,
        reports: (text) =>
          Effect.mapBoth(model.value.extract(text, ref.hint), {
            onFailure: (error) => `can't be read: ${error.message}`,
            onSuccess: (metrics) => [{ metrics }]
          })
      } satisfies OutputReader
    }
    const format = yield* Effect.flatMap(OutputFormats, (registry) => registry.get(ref.name))
    return yield* instantiated(format, ref.options)
  })
}
