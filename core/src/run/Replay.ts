/**
 * Replay files: a deterministic run with its ingredients, its request and its outcome.
 *
 * @since 0.1.0
 */
import { Effect, ParseResult, Schema } from "effect"
import { oneLine } from "../base/index.ts"
import { Outcome } from "../check/index.ts"
import { Ingredients } from "./Determinism.ts"
import { failureCause } from "./FailureCause.ts"
import { ReplayRequest } from "./ReplayRequest.ts"
import type { RunResult } from "./RunResult.ts"

/**
 * The content of a replay file, schema version 1.
 *
 * @since 0.1.0
 * @category models
 */
export class Replay extends Schema.Class<Replay>("Replay")({
  kind: Schema.Literal("ktstr replay"),
  schemaVersion: Schema.Literal(1),
  request: ReplayRequest,
  ingredients: Ingredients,
  outcome: Outcome,
  details: Schema.Array(Schema.String),
  /** Kind of failure; null if the run did not fail. */
  cause: Schema.NullOr(Schema.String),
  eventHash: Schema.String,
  scheduleHash: Schema.NullOr(Schema.String)
}) {}

/** The file is not a replay file, or has an unsupported version. */
export class ReplayError extends Schema.TaggedError<ReplayError>()("ReplayError", { message: Schema.String }) {}

/**
 * Makes the replay of a run; undefined if the run was not deterministic, or ended before its ingredients were known.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeReplay = (request: ReplayRequest, result: RunResult): Replay | undefined => {
  const { determinism } = result
  if (determinism === null || determinism.ingredients === null) return undefined
  return Replay.make({
    kind: "ktstr replay",
    schemaVersion: 1,
    request,
    ingredients: determinism.ingredients,
    outcome: result.outcome,
    details: result.details,
    cause: failureCause(result) ?? null,
    eventHash: determinism.eventHash,
    scheduleHash: determinism.scheduleHash
  })
}

/**
 * Returns the text of a replay file: indented JSON with a final newline.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeReplay = (replay: Replay): string =>
  `${JSON.stringify(Schema.encodeSync(Replay)(replay), undefined, 2)}\n`

/**
 * Maximum size of a replay file in bytes; those that ktstr writes have a few KiB.
 *
 * @since 0.2.0
 * @category constants
 */
export const replayLimit: number = 16 * 1024 * 1024

const versionOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "schemaVersion" in value ? value.schemaVersion : undefined

/**
 * Parses a replay file. `name` is the file's name, for messages.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseReplay = (text: string, name: string): Effect.Effect<Replay, ReplayError> =>
  Effect.try({
    try: (): unknown => {
      if (text.length > replayLimit) throw new Error(`it is larger than ${replayLimit / 2 ** 20} MiB`)
      try {
        return JSON.parse(text)
      } catch {
        throw new Error("it is not JSON")
      }
    },
    catch: (cause) =>
      new ReplayError({ message: `${name} is no replay file: ${cause instanceof Error ? cause.message : cause}` })
  }).pipe(
    Effect.flatMap((value) => {
      const version = versionOf(value)
      if (typeof version === "number" && version > 1) {
        return Effect.fail(
          new ReplayError({
            message: `${name} has schema version ${version}; this ktstr knows version 1: use a newer one`
          })
        )
      }
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        const what = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`
        return Effect.fail(new ReplayError({ message: `${name} is no replay file: it holds ${what}, not an object` }))
      }
      return Effect.mapError(Schema.decodeUnknown(Replay)(value), (error) => {
        const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
        const where = first === undefined || first.path.length === 0 ? "" : `${first.path.join(".")}: `
        const why = oneLine(`${where}${first?.message ?? "not understood"}`)
        return new ReplayError({ message: `${name} is no replay file: ${why}` })
      })
    })
  )

const changed = (what: string, then: string, now: string): ReadonlyArray<string> =>
  then === now ? [] : [`${what} was ${then}, is ${now}`]

const short = (hash: string | null): string => (hash === null ? "none" : hash.slice(0, 16))

/** Returns how the machine's arguments differ, each with its option if it has one. */
const changedArguments = (then: ReadonlyArray<string>, now: ReadonlyArray<string>): ReadonlyArray<string> => {
  const joined = (words: ReadonlyArray<string>) => words.join(" ").split(/ (?=-[a-z])/)
  const [before, after] = [joined(then), joined(now)]
  const gone = before.filter((word) => !after.includes(word))
  const come = after.filter((word) => !before.includes(word))
  return gone.length + come.length === 0
    ? []
    : [`the machine's arguments were '${gone.join(" ")}', are '${come.join(" ")}'`]
}

/**
 * Returns what has changed, one line each. If the list is empty, the run should be identical.
 *
 * @since 0.1.0
 * @category comparing
 */
export const changedIngredients = (then: Ingredients, now: Ingredients): ReadonlyArray<string> => [
  ...changed("the kernel", then.kernel.version, now.kernel.version),
  ...(then.kernel.version === now.kernel.version
    ? changed("the kernel's image", short(then.kernel.sha256), short(now.kernel.sha256))
    : []),
  ...changed("the scheduler", then.scheduler?.name ?? "eevdf", now.scheduler?.name ?? "eevdf"),
  ...changed("the scheduler's program", short(then.scheduler?.sha256 ?? null), short(now.scheduler?.sha256 ?? null)),
  ...changed(
    "what the scheduler is given",
    `'${then.scheduler?.args.join(" ") ?? ""}'`,
    `'${now.scheduler?.args.join(" ") ?? ""}'`
  ),
  ...changed("the initramfs (agent, programs, libraries)", short(then.initramfs), short(now.initramfs)),
  ...changed("the plan", short(then.plan), short(now.plan)),
  ...changed("the emulator", then.machine.version, now.machine.version),
  ...changedArguments(then.machine.arguments, now.machine.arguments)
]
