/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"
import { Duration, Either } from "effect"

/**
 * One phase of a sequence: what it does, for how much wall time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Phase {
  readonly kind: "spin" | "sleep" | "yield" | "io"
  readonly duration: Duration.Duration
}

const kinds: ReadonlyArray<Phase["kind"]> = ["spin", "sleep", "yield", "io"]

/** Commas separate the parameters on a command line. */
const separator = "+"

const maxPhases = 64

const durations = WorkParam.duration({ default: "10 millis", min: "1 micros", max: "60 seconds", description: "" })

const phase = (kind: Phase["kind"], duration: Duration.DurationInput): Phase => ({
  kind,
  duration: Duration.decode(duration)
})

const standard = [
  phase("spin", "20 millis"),
  phase("sleep", "10 millis"),
  phase("yield", "10 millis"),
  phase("io", "10 millis")
]

/** `spin:10ms`, or `{ kind: "spin", duration: "10 millis" }`. */
const readPhase = (item: unknown): Either.Either<Phase, string> => {
  const split = typeof item === "string" ? /^\s*(\w*)\s*:\s*(.*?)\s*$/.exec(item) : null
  const written: unknown = split === null ? item : { kind: split[1], duration: split[2] }
  const isPhase = typeof written === "object" && written !== null && "kind" in written && "duration" in written
  const kind = isPhase ? kinds.find((known) => known === written.kind) : undefined
  if (!isPhase || kind === undefined) {
    const shown = typeof item === "string" ? `'${item}'` : JSON.stringify(item)
    return Either.left(`must be KIND:DURATION with one of ${kinds.join(", ")}, got ${shown}`)
  }
  return Either.mapBoth(durations.decode(written.duration), {
    onLeft: (problem) => `has a phase ${kind} whose duration ${problem}`,
    onRight: (duration) => ({ kind, duration })
  })
}

const phases: WorkParam<ReadonlyArray<Phase>> = {
  decode: (value) => {
    const items: unknown = typeof value === "string" ? value.split(separator) : value
    if (!Array.isArray(items) || items.length < 1 || items.length > maxPhases) {
      const got = Array.isArray(items) ? `${items.length}` : String(value)
      return Either.left(`must be 1 to ${maxPhases} phases, as a list or spin:10ms${separator}sleep:5ms, got ${got}`)
    }
    return Either.all(items.map(readPhase))
  },
  default: standard,
  info: {
    description: `what to do for how long, one after the other; each 1us to 60s of ${kinds.join(", ")}`,
    type: "phases",
    default: standard.map(({ kind, duration }) => `${kind}:${Duration.toMillis(duration)}ms`).join(separator),
    min: undefined,
    max: undefined
  }
}

const nodesOf = ({ duration, kind }: Phase) => {
  switch (kind) {
    case "spin":
      return WorkProgram.forDuration(duration, [WorkProgram.spin(1024)])
    case "sleep":
      return WorkProgram.sleep(duration)
    case "yield":
      return WorkProgram.forDuration(duration, [WorkProgram.yieldNow])
    case "io":
      return WorkProgram.forDuration(duration, [
        WorkProgram.fileWrite(64 * 1024, 4096),
        WorkProgram.fileSync,
        WorkProgram.sleep("100 micros")
      ])
  }
}

/**
 * A task that changes its behaviour: phases of computing, sleeping, yielding and input/output in a fixed order.
 *
 * @since 0.1.0
 * @category work types
 */
export const Sequence: WorkType = WorkType.make({
  name: "Sequence",
  description: "spins, sleeps, yields and writes in phases of given durations, again and again",
  params: { phases },
  program: (params) => WorkProgram.make({ body: params.phases.map(nodesOf) })
})
