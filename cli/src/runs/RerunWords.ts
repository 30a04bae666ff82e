/**
 * The words of `ktstr run` that ask for one of the runs of a session again.
 *
 * @since 0.2.0
 */
import { resolve } from "node:path"
import type { Values } from "../parse/index.ts"

/** Options of which the run says what came of them, and those that say how it is shown or asked. */
const decided = new Set(["topology", "preset", "kernel", "filter", "all-profiles", "flags", "format", "yes", "verbose"])

/** Paths mean the same from everywhere. */
const paths = new Set(["scheduler"])

/** What is left out where nothing else was given, because it is what is assumed. */
const isGiven = (value: string | boolean | ReadonlyArray<string> | undefined): boolean =>
  typeof value === "object" ? value.length > 0 : value !== undefined && value !== false

/**
 * A kernel as `--kernel` takes it: by its key in the cache, else by its image.
 *
 * @since 0.2.0
 * @category formatting
 */
export const kernelWord = ({
  image,
  key
}: {
  readonly key?: string | null | undefined
  readonly image: string
}): string => key ?? resolve(image)

/**
 * `ktstr run SCENARIO` with every option that was given or decided: the one kernel, the topology, the seed, the profile's flags, and the rest as
 * on the command line.
 *
 * @since 0.2.0
 * @category constructors
 */
export const runWords = (
  values: Values<"run">,
  of: {
    readonly scenario: string
    readonly seed: number
    /** Undefined: this machine. */
    readonly machine?:
      | { readonly kernel: string; readonly topology: string; readonly flags: ReadonlyArray<string> }
      | undefined
  }
): ReadonlyArray<string> => {
  const { machine } = of
  const { "scheduler-hash": _, seed: __, ...given } = values
  return [
    "ktstr",
    "run",
    of.scenario,
    ...(machine === undefined ? [] : ["--kernel", machine.kernel, "--topology", machine.topology]),
    "--seed",
    `${of.seed}`,
    ...Object.entries(given).flatMap(([name, value]) => {
      if (decided.has(name) || !isGiven(value)) return []
      if (typeof value === "object") return value.flatMap((one) => [`--${name}`, one])
      if (typeof value !== "string") return [`--${name}`]
      return [`--${name}`, paths.has(name) && value.includes("/") ? resolve(value) : value]
    }),
    ...(machine !== undefined && machine.flags.length > 0 ? ["--flags", machine.flags.join(",")] : [])
  ]
}

/**
 * Variables that decide which program a scheduler's name means.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rerunEnvironment = (): Readonly<Record<string, string>> => {
  const program = process.env.KTSTR_SCHEDULER
  return program === undefined || program === "" ? {} : { KTSTR_SCHEDULER: resolve(program) }
}
