/**
 * Before anything starts, determines where each payload's program will be, and which reader reads its output.
 *
 * @since 0.1.0
 */
import type { FileSystem, Path } from "@effect/platform"
import { Effect } from "effect"
import { resolveInclude } from "../image/index.ts"
import {
  type OutputFormatError,
  type OutputFormats,
  type OutputReader,
  OutputRef,
  type Payload,
  PayloadError,
  type PayloadSpec
} from "../payload/index.ts"
import type { Command } from "../protocol/index.ts"
import type { PlannedPayload } from "./CompiledPlan.ts"
import type { Plan } from "./Plan.ts"

/**
 * A payload that is ready to start.
 *
 * @since 0.1.0
 * @category models
 */
export interface PreparedPayload extends PlannedPayload {
  /** The program's path where it runs, the arguments of its format, then those of the payload and of the run. */
  readonly argv: ReadonlyArray<string>
  readonly reader: OutputReader
}

/**
 * Where a program runs: in a guest, where files of this host have other paths, or on this host.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadPlace = "guest" | "host"

/** Returns the program's path where it will run. */
const programOf = Effect.fnUntraced(function* ({ binary, name }: Payload, place: PayloadPlace) {
  if (typeof binary !== "string") return binary.guest
  const fail = (why: string) => new PayloadError({ reason: "Program", message: `payload '${name}': ${why}` })
  const { files } = yield* Effect.mapError(resolveInclude(binary), ({ message }) => fail(message))
  const [file] = files
  if (file === undefined || file.spec !== binary || files.length > 1) {
    return yield* fail(`${binary} is a directory; name the program in it`)
  }
  if ((file.permissions & 0o111) === 0) {
    return yield* fail(`${file.host} is not executable; make it so: chmod +x ${file.host}`)
  }
  return place === "guest" ? file.guest : file.host
})

/**
 * Prepares one payload: its complete command line and its reader.
 *
 * @since 0.1.0
 * @category constructors
 */
export const preparePayload: (
  spec: PayloadSpec,
  place: PayloadPlace
) => Effect.Effect<
  Pick<PreparedPayload, "argv" | "reader">,
  PayloadError | OutputFormatError,
  OutputFormats | FileSystem.FileSystem | Path.Path
> = Effect.fn("PreparePayloads.one")(function* ({ args, payload }: PayloadSpec, place: PayloadPlace) {
  const reader = yield* OutputRef.resolve(payload.output)
  const program = yield* programOf(payload, place)
  return { argv: [program, ...reader.args, ...payload.defaultArgs, ...args], reader }
})

/**
 * Prepares all payloads of a plan, and puts their command lines into its commands.
 *
 * @since 0.1.0
 * @category constructors
 */
export const preparePayloads: (
  plan: Pick<Plan, "commands" | "payloads">,
  place: PayloadPlace
) => Effect.Effect<
  { readonly commands: ReadonlyArray<Command>; readonly payloads: ReadonlyArray<PreparedPayload> },
  PayloadError | OutputFormatError,
  OutputFormats | FileSystem.FileSystem | Path.Path
> = Effect.fn("PreparePayloads.all")(function* (plan: Pick<Plan, "commands" | "payloads">, place: PayloadPlace) {
  if (plan.payloads.length === 0) return { commands: plan.commands, payloads: [] }
  // A loop may run one payload thousands of times.
  const known = new Map<PayloadSpec, Pick<PreparedPayload, "argv" | "reader">>()
  for (const { spec } of plan.payloads) {
    if (!known.has(spec)) known.set(spec, yield* preparePayload(spec, place))
  }
  const payloads = plan.payloads.map((planned): PreparedPayload => ({ ...planned, ...known.get(planned.spec)! }))
  const argvOf = new Map(payloads.map(({ argv, id }) => [id, argv]))
  const commands = plan.commands.map((command) => {
    const argv = command._tag === "ProcRun" ? argvOf.get(command.id) : undefined
    return command._tag === "ProcRun" && argv !== undefined ? { ...command, argv } : command
  })
  return { commands, payloads }
})
