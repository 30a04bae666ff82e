/**
 * Writes the `ktstr run` command line that repeats one run of a session.
 *
 * @since 0.2.0
 */
import { resolve } from "node:path"
import type { Values } from "../parse/index.ts"

/** Options that the run itself has resolved, and those that only affect output and questions. */
const omitted = new Set(["topology", "preset", "kernel", "filter", "all-profiles", "flags", "format", "yes", "verbose"])

/** Options whose relative paths become absolute. */
const paths = new Set(["scheduler"])

/** Returns whether an option differs from its default, which can be left out. */
const isGiven = (value: string | boolean | ReadonlyArray<string> | undefined): boolean =>
  typeof value === "object" ? value.length > 0 : value !== undefined && value !== false

/**
 * Returns a kernel as `--kernel` takes it: its cache key, otherwise the path of its image.
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
 * Returns `ktstr run SCENARIO` with every option that matters: kernel, topology, seed and flags as the run resolved them, the rest as on the command
 * line.
 *
 * @since 0.2.0
 * @category constructors
 */
export const runWords = (
  values: Values<"run">,
  run: {
    readonly scenario: string
    readonly seed: number
    /** Undefined: the run was on this host. */
    readonly machine?:
      | { readonly kernel: string; readonly topology: string; readonly flags: ReadonlyArray<string> }
      | undefined
  }
): ReadonlyArray<string> => {
  const { machine } = run
  const { "scheduler-hash": _, seed: __, ...given } = values
  return [
    "ktstr",
    "run",
    run.scenario,
    ...(machine === undefined ? [] : ["--kernel", machine.kernel, "--topology", machine.topology]),
    "--seed",
    `${run.seed}`,
    ...Object.entries(given).flatMap(([name, value]) => {
      if (omitted.has(name) || !isGiven(value)) return []
      if (typeof value === "object") return value.flatMap((one) => [`--${name}`, one])
      if (typeof value !== "string") return [`--${name}`]
      return [`--${name}`, paths.has(name) && value.includes("/") ? resolve(value) : value]
    }),
    ...(machine !== undefined && machine.flags.length > 0 ? ["--flags", machine.flags.join(",")] : [])
  ]
}

/**
 * Returns the variables that decide which program a scheduler's name refers to.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rerunEnvironment = (): Readonly<Record<string, string>> => {
  const program = process.env.KTSTR_SCHEDULER
  return program === undefined || program === "" ? {} : { KTSTR_SCHEDULER: resolve(program) }
}
