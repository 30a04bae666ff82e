/**
 * Before anything is started: where each payload's program will be, and by what its output will be read.
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
 * A payload that can be started.
 *
 * @since 0.1.0
 * @category models
 */
export interface PreparedPayload extends PlannedPayload {
  /** The program as it is called where it runs, what its format adds, then the payload's and the run's arguments. */
  readonly argv: ReadonlyArray<string>
  readonly reader: OutputReader
}

/**
 * Where the program runs: in a guest, which has files of this host at places of their own, or on this host itself.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadPlace = "guest" | "host"

/** The program's path where it will run. */
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
 * One payload: its whole command line and its reader.
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
 * All payloads of a plan, and its commands with their command lines.
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
