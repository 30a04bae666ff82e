/**
 * Work types: named kinds of work with parameters, which compile to a `WorkProgram`. Plugins register them.
 *
 * @since 0.1.0
 */
import { Context, Data, Effect, Either, Layer } from "effect"
import {
  describeFault,
  makeRegistry,
  type RegisterError,
  type Registrable,
  RegistrationError,
  type Registry,
  registering,
  registrationProblem,
  suggestion
} from "../base/index.ts"
import type { WorkParam, WorkParamInfo } from "./Param.ts"
import { WorkProgram } from "./Program.ts"

/**
 * A work type with its parameters filled in: what a spawn needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkInstance {
  /** The name of the work type, for reports. */
  readonly name: string
  /** Number of workers that work together; a spawn's count must be a multiple of it. */
  readonly groupSize: number
  readonly program: WorkProgram
  /** Files of this host that its program needs in the guest; see {@link WorkTypeOptions}. */
  readonly includes?: ReadonlyArray<string> | undefined
}

/**
 * A registered work type.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkType {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly description: string
  readonly params: ReadonlyArray<WorkParamInfo & { readonly name: string }>
  /** Group size if all parameters have their defaults. */
  readonly defaultGroupSize: number
  /** Decodes the parameters (unset ones get their defaults) and makes the program. */
  readonly instantiate: (params: Readonly<Record<string, unknown>>) => Either.Either<WorkInstance, WorkTypeError>
}

/**
 * A reference to a work type in a scenario; `params` are as the user wrote them.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkTypeRef = Data.TaggedEnum<{
  Named: { readonly name: string; readonly params: Readonly<Record<string, unknown>> }
  Custom: { readonly instance: WorkInstance }
}>

/**
 * Why a work type can't be used as asked: no such name, parameters that do not decode, a worker count that is not a multiple
 * of the group size.
 *
 * @since 0.1.0
 * @category errors
 */
export class WorkTypeError extends Data.TaggedError("WorkTypeError")<{
  readonly reason: "UnknownWorkType" | "BadParameter" | "BadSyntax" | "WorkerCount"
  readonly message: string
}> {}

/**
 * The registry of work types. Names and aliases are case-sensitive.
 *
 * @since 0.1.0
 * @category services
 */
export class WorkTypes extends Context.Tag("@ktstr/core/WorkTypes")<WorkTypes, Registry<WorkType, WorkTypeError>>() {}

const registrable: Registrable = {
  kind: "work type",
  maker: "WorkType.make",
  fields: { name: "name", description: "string", aliases: "list", params: "list", instantiate: "function" }
}

/** The shape that the options of a work type must have. */
const specified: Registrable = {
  kind: "work type",
  maker: "WorkType.make({ name, description, params, program })",
  fields: {
    name: "name",
    description: "string",
    params: "object",
    program: "function",
    groupSize: "function?",
    aliases: "list?"
  }
}

/**
 * Makes an empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWorkTypes: Effect.Effect<Context.Tag.Service<WorkTypes>> = makeRegistry<WorkType, WorkTypeError>({
  what: registrable,
  unknown: (name, hint) =>
    new WorkTypeError({ reason: "UnknownWorkType", message: `unknown work type '${name}'${hint}` })
})

/**
 * Provides an empty registry, which plugins' layers fill: `Layer.provideMerge(pluginLayer, layerWorkTypes)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWorkTypes: Layer.Layer<WorkTypes> = Layer.effect(WorkTypes, makeWorkTypes)

/**
 * The parameters of a work type by name.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkParams = Readonly<Record<string, WorkParam<unknown>>>

/**
 * The decoded values of a record of parameters.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkParamValues<P extends WorkParams> = {
  readonly [K in keyof P]: P[K] extends WorkParam<infer A> ? A : never
}

/**
 * The definition of a work type.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkTypeOptions<P extends WorkParams> {
  readonly name: string
  /** Other names for it, for example an older spelling. */
  readonly aliases?: ReadonlyArray<string>
  /** One line. */
  readonly description: string
  readonly params: P
  /** Default: 1, so workers are independent. */
  readonly groupSize?: (params: WorkParamValues<P>) => number
  readonly program: (params: WorkParamValues<P>) => WorkProgram
  /**
   * Files of this host for the guest, which are packed with their libraries. Each is written as for `-i`: a path, the name of a program in `PATH`, or
   * `SOURCE:/guest/path`. For programs with an `exec`.
   */
  readonly includes?: ReadonlyArray<string> | undefined
}

const isGroupSize = (size: number): boolean => Number.isInteger(size) && size >= 1

const badGroupSize = (name: string, size: unknown): string =>
  `work type ${name}: the group size is ${size}; it must be a whole number of at least 1`

const makeWorkType = <const P extends WorkParams>(options: WorkTypeOptions<P>): WorkType => {
  const wrong = registrationProblem(options, specified)
  if (wrong !== undefined) throw new RegistrationError({ message: wrong })
  const { name } = options
  const entries = Object.entries(options.params)
  const groupSize = options.groupSize ?? (() => 1)
  const bad = (message: string) => Either.left(new WorkTypeError({ reason: "BadParameter", message }))
  const instantiate: WorkType["instantiate"] = (given) => {
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(options.params, key))
    if (unknown !== undefined) {
      const known = entries.map(([key]) => key)
      const hint = known.length === 0 ? "; it has no parameters" : suggestion(unknown, known)
      return bad(`work type ${name} has no parameter '${unknown}'${hint}`)
    }
    const values: Record<string, unknown> = {}
    for (const [key, param] of entries) {
      const raw = given[key]
      const decoded = raw === undefined ? Either.right(param.default) : param.decode(raw)
      if (Either.isLeft(decoded)) return bad(`work type ${name}: ${key} ${decoded.left}`)
      values[key] = decoded.right
    }
    // Every key of P was decoded by its own parameter above.
    const params = values as WorkParamValues<P>
    try {
      const program = WorkProgram.validate(options.program(params))
      if (Either.isLeft(program)) return bad(`work type ${name}: ${program.left.message}`)
      const size = groupSize(params)
      return isGroupSize(size)
        ? Either.right({ name, groupSize: size, program: program.right, includes: options.includes })
        : bad(badGroupSize(name, size))
    } catch (error) {
      return bad(`work type ${name}: its program could not be made: ${describeFault(error)}`)
    }
  }
  return {
    name,
    aliases: options.aliases ?? [],
    description: options.description,
    params: entries.map(([key, param]) => ({ name: key, ...param.info })),
    defaultGroupSize: Either.match(instantiate({}), { onLeft: () => 1, onRight: (instance) => instance.groupSize }),
    instantiate
  }
}

/**
 * Functions to make and register work types.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkType: {
  /** Makes a work type without registering it. Throws a `RegistrationError` if the options are invalid. */
  readonly make: <const P extends WorkParams>(options: WorkTypeOptions<P>) => WorkType
  /** Returns a layer that registers a work type. */
  readonly plugin: <const P extends WorkParams>(
    options: WorkTypeOptions<P>
  ) => Layer.Layer<never, RegisterError, WorkTypes>
  /** A layer that registers a work type made by `make`. */
  readonly layer: (type: WorkType) => Layer.Layer<never, RegisterError, WorkTypes>
  /** A layer that registers several, in order. */
  readonly layerAll: (types: ReadonlyArray<WorkType>) => Layer.Layer<never, RegisterError, WorkTypes>
  /** A program that needs no registration, for one scenario's own use; `includes` as of {@link WorkTypeOptions}. */
  readonly custom: (
    name: string,
    program: WorkProgram,
    groupSize?: number,
    includes?: ReadonlyArray<string>
  ) => WorkTypeRef
} = {
  make: makeWorkType,
  plugin: (options) => WorkType.layer(makeWorkType(options)),
  layer: (type) => WorkType.layerAll([type]),
  layerAll: (types) => registering(WorkTypes, registrable, types),
  custom: (name, program, groupSize = 1, includes = []) =>
    WorkTypeRef.Custom({ instance: { name, groupSize, program, includes } })
}

const refs = Data.taggedEnum<WorkTypeRef>()

/** Instantiates a work type and checks the result, because the type may not have been made by `make`. */
const instantiated = (
  type: WorkType,
  params: Readonly<Record<string, unknown>>
): Either.Either<WorkInstance, WorkTypeError> => {
  const bad = (what: string) =>
    Either.left(new WorkTypeError({ reason: "BadParameter", message: `work type ${type.name}: ${what}` }))
  try {
    const made: unknown = type.instantiate(params)
    if (!Either.isEither(made)) return bad("its instantiate gave what is no Either")
    if (Either.isLeft(made)) return made as Either.Either<never, WorkTypeError>
    const wrong = registrationProblem(made.right, {
      kind: "work",
      maker: "WorkType.make",
      fields: { name: "name", groupSize: "number", program: "object" }
    })
    return wrong === undefined ? (made as Either.Either<WorkInstance>) : bad(`its instantiate gave no work: ${wrong}`)
  } catch (error) {
    return bad(`its instantiate failed: ${describeFault(error)}`)
  }
}

/**
 * Constructors of references to work types, and functions on them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkTypeRef: {
  readonly Custom: (args: { readonly instance: WorkInstance }) => WorkTypeRef
  /** References a registered work type, with the parameters that differ from their defaults. */
  readonly of: (name: string, params?: Readonly<Record<string, unknown>>) => WorkTypeRef
  /** The work type of canned scenarios and definitions that set none. */
  readonly SpinWait: WorkTypeRef
  /** Parses `Bursty` or `Bursty:burst=10ms,sleep=20ms`. `resolve` checks whether the name and the parameters exist. */
  readonly parse: (text: string) => Either.Either<WorkTypeRef, WorkTypeError>
  /** Returns the work type's name. */
  readonly nameOf: (ref: WorkTypeRef) => string
  /** Looks the name up and fills in the parameters. */
  readonly resolve: (ref: WorkTypeRef) => Effect.Effect<WorkInstance, WorkTypeError, WorkTypes>
} = {
  Custom: (args) => refs.Custom(args),
  of: (name, params = {}) => refs.Named({ name, params }),
  SpinWait: refs.Named({ name: "SpinWait", params: {} }),
  parse: (text) => {
    const bad = (what: string) => {
      const message = `work type '${text}': ${what}; write NAME or NAME:param=value,param=value, for example Bursty:burst=10ms`
      return Either.left(new WorkTypeError({ reason: "BadSyntax", message }))
    }
    const colon = text.indexOf(":")
    const name = (colon < 0 ? text : text.slice(0, colon)).trim()
    if (name === "") return bad("the name is missing")
    const params: Record<string, string> = {}
    for (const item of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
      const match = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(item)
      if (match === null) return bad(`'${item.trim()}' is not of the form param=value`)
      const key = match[1]!
      if (Object.hasOwn(params, key)) return bad(`'${key}' is given twice`)
      params[key] = match[2]!
    }
    return Either.right(refs.Named({ name, params }))
  },
  nameOf: (ref) => (ref._tag === "Custom" ? ref.instance.name : ref.name),
  resolve: Effect.fn("WorkTypeRef.resolve")(function* (ref: WorkTypeRef) {
    if (ref._tag === "Named") {
      const registry = yield* WorkTypes
      const type = yield* registry.get(ref.name)
      return yield* instantiated(type, ref.params)
    }
    const { groupSize, name, program } = ref.instance
    if (!isGroupSize(groupSize))
      return yield* new WorkTypeError({ reason: "BadParameter", message: badGroupSize(name, groupSize) })
    yield* Either.mapLeft(
      WorkProgram.validate(program),
      (error) => new WorkTypeError({ reason: "BadParameter", message: `work type ${name}: ${error.message}` })
    )
    return ref.instance
  })
}

/**
 * Checks that the number of workers is a positive multiple of the group size.
 *
 * @since 0.1.0
 * @category validation
 */
export const checkWorkerCount = (instance: WorkInstance, workers: number): Either.Either<void, WorkTypeError> => {
  const fail = (message: string) => Either.left(new WorkTypeError({ reason: "WorkerCount", message }))
  if (!Number.isInteger(workers) || workers < 1) {
    return fail(`${instance.name}: num_workers must be a whole number of at least 1, got ${workers}`)
  }
  return workers % instance.groupSize === 0
    ? Either.right(undefined)
    : fail(`${instance.name} requires num_workers divisible by ${instance.groupSize}, got ${workers}`)
}
