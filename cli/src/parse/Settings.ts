/**
 * Checks the values of options. Each error is one line that names the option and the value.
 *
 * @since 0.1.0
 */

import { type Scenario, Scenarios, Topology, WorkTypeRef } from "@ktstr/core"
import { suggestion } from "@ktstr/core/base"
import { type Backend, Backends, type UnknownBackend } from "@ktstr/core/machine"
import type { Determinism } from "@ktstr/core/run"
import type { UnknownScenario } from "@ktstr/core/scenario"
import { Presets, type TopologyError, type UnknownPreset } from "@ktstr/core/topology"
import type { WorkTypeError } from "@ktstr/core/work"
import { Effect, Either } from "effect"
import { UsageError } from "./UsageError.ts"

type Checked<A> = Either.Either<A, UsageError>

const bad = (message: string): Checked<never> => Either.left(new UsageError({ message }))

/** Matches decimal numbers only: `Number` would also take `0x10`, `1e3` and blanks. */
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)$/

/**
 * Checks a value if one was given, otherwise returns undefined.
 *
 * @since 0.1.0
 * @category parsing
 */
export const ifGiven = <A, E>(
  text: string | undefined,
  check: (text: string) => Either.Either<A, E>
): Either.Either<A | undefined, E> => (text === undefined ? Either.right(undefined) : check(text))

/**
 * Splits the values of a repeatable option into words.
 *
 * @since 0.1.0
 * @category parsing
 */
export const words = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== ""))

/** Matches a word as the kernel reads it: blanks between quotes belong to the word. */
const kernelWord = /(?:[^\s"]|"[^"]*")+/g

/**
 * Splits the values of a repeatable option into kernel arguments. Blanks inside double quotes do not separate.
 *
 * @since 0.2.0
 * @category parsing
 */
export const kernelArguments = (option: string, texts: ReadonlyArray<string>): Checked<ReadonlyArray<string>> => {
  const open = texts.find((text) => text.split('"').length % 2 === 0)
  return open === undefined
    ? Either.right(texts.flatMap((text) => text.match(kernelWord) ?? []))
    : bad(`${option} '${open}' has a quote that nothing closes; add the other`)
}

/**
 * Parses seconds into milliseconds.
 *
 * @since 0.1.0
 * @category parsing
 */
export const durationMs = (option: string, text: string): Checked<number> => {
  const seconds = decimal.test(text) ? Number(text) : Number.NaN
  // More than a day is a mistyped unit, and Node's timers can't wait longer than 24.8 days.
  return seconds * 1000 >= 1 && seconds <= 86_400
    ? Either.right(Math.round(seconds * 1000))
    : bad(`${option} must be a number of seconds greater than 0 and at most 86400, got '${text}'`)
}

/**
 * Parses `1s`, `500ms`, `2m` or a number of seconds into milliseconds.
 *
 * @since 0.1.0
 * @category parsing
 */
export const intervalMs = (option: string, text: string): Checked<number> => {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text)
  const ms = Number(found?.[1]) * ({ ms: 1, s: 1000, m: 60_000 }[found?.[2] ?? "s"] ?? Number.NaN)
  return ms >= 10 && ms <= 86_400_000
    ? Either.right(Math.round(ms))
    : bad(`${option} must be a time from 10ms to a day as 1s, 500ms or 2m, got '${text}'`)
}

/**
 * Parses a whole number from `min` to `max`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const wholeNumber = (option: string, text: string, min: number, max: number): Checked<number> => {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max
    ? Either.right(value)
    : bad(`${option} must be a whole number from ${min} to ${max}, got '${text}'`)
}

/**
 * Parses `--memory`, in MiB.
 *
 * @since 0.1.0
 * @category parsing
 */
export const memoryMb = (text: string | undefined): Checked<number | undefined> =>
  ifGiven(text, (given) => wholeNumber("--memory", given, 1, 2 ** 22))

/**
 * Parses `--boot-timeout` into milliseconds.
 *
 * @since 0.1.0
 * @category parsing
 */
export const bootTimeoutMs = (text: string | undefined): Checked<number | undefined> =>
  ifGiven(text, (given) => durationMs("--boot-timeout", given))

/**
 * Parses `--seed`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const seed = (text: string | undefined): Checked<number | undefined> =>
  ifGiven(text, (given) => wholeNumber("--seed", given, 0, Number.MAX_SAFE_INTEGER))

/**
 * Parses `--scheduler-hash`: a SHA-256 in hex, or at least its first eight digits.
 *
 * @since 0.2.0
 * @category parsing
 */
export const schedulerHash = (text: string | undefined): Checked<string | undefined> =>
  ifGiven(text, (given) =>
    /^[0-9a-f]{8,64}$/i.test(given)
      ? Either.right(given.toLowerCase())
      : bad(`--scheduler-hash must be 8 to 64 hex digits of a SHA-256, got '${given}'`)
  )

/**
 * Parses a number not below 0.
 *
 * @since 0.1.0
 * @category parsing
 */
export const threshold = (option: string, text: string): Checked<number> => {
  const value = decimal.test(text) ? Number(text) : Number.NaN
  return value >= 0 ? Either.right(value) : bad(`${option} must be a number not below 0, got '${text}'`)
}

/**
 * Returns the topology of `--topology` or `--preset`. Default: the one that the scheduler declares, or `1n2l2c1t`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const topology = (
  shape: string | undefined,
  preset: string | undefined,
  declared?: Topology | undefined
): Either.Either<Topology, TopologyError | UnknownPreset | UsageError> => {
  if (shape !== undefined && preset !== undefined)
    return bad("--topology and --preset are both given; give one of them")
  if (preset !== undefined) return Either.map(Presets.find(preset), (found) => found.topology)
  return shape === undefined && declared !== undefined ? Either.right(declared) : Topology.parse(shape ?? "1n2l2c1t")
}

/**
 * Returns the scenarios that match any name or pattern such as `cpuset/*`, and also the filter, which is a pattern. Default: `steady`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const scenarios = (
  names: ReadonlyArray<string>,
  filter: string | undefined
): Effect.Effect<ReadonlyArray<Scenario>, UnknownScenario | UsageError, Scenarios> =>
  Effect.gen(function* () {
    const registry = yield* Scenarios
    const wanted = filter === undefined ? undefined : yield* registry.matching(filter)
    if (names.length === 0) return wanted ?? [yield* registry.get("steady")]
    const named = new Set((yield* Effect.forEach(names, registry.matching)).flat())
    const both = [...named].filter((scenario) => wanted?.includes(scenario) ?? true)
    return both.length > 0 ? both : yield* bad(`no scenario of ${names.join(", ")} matches --filter ${filter}`)
  })

/**
 * Parses `--work-type`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const workType = (text: string | undefined): Either.Either<WorkTypeRef | undefined, WorkTypeError> =>
  ifGiven(text, WorkTypeRef.parse)

/**
 * Parses `--clock`. Undefined: the machine keeps its own time.
 *
 * @since 0.1.0
 * @category parsing
 */
export const determinism = (
  clock: string | undefined,
  seed: number,
  { backend, host }: { readonly backend: Backend; readonly host: boolean }
): Checked<Determinism | undefined> => {
  const known = ["auto", "deterministic"]
  if (clock === undefined || clock === "auto") return Either.right(undefined)
  if (clock !== "deterministic") return bad(`unknown clock '${clock}'${suggestion(clock, known)}`)
  if (host)
    return bad(
      "--clock deterministic is for virtual machines; this machine's clock goes on by itself: leave out --host"
    )
  if (backend.countsInstructions !== true) {
    return bad(
      `--clock deterministic counts emulated instructions, which ${backend.name} does not: use --vmm qemu-tcg (is KTSTR_VMM set?)`
    )
  }
  return Either.right({ seed })
}

/**
 * Parses `--seeds`: `A..B`, both included, or one number. Seed 0 applies no perturbation.
 *
 * @since 0.1.0
 * @category parsing
 */
export const seedRange = (text: string): Checked<readonly [first: number, last: number]> => {
  const found = /^(\d+)(?:\.\.(\d+))?$/.exec(text)
  const [first, last] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])]
  return first <= last && last <= Number.MAX_SAFE_INTEGER && last - first < 1_000_000
    ? Either.right([first, last])
    : bad(`--seeds must be a range such as 1..500 of at most 1000000, got '${text}'`)
}

/**
 * Returns the backend of `--vmm`; the error suggests the nearest name.
 *
 * @since 0.1.0
 * @category parsing
 */
export const backend = (name = "auto"): Effect.Effect<Backend, UnknownBackend, Backends> =>
  Effect.flatMap(Backends, (registry) => registry.get(name))
