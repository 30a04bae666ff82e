import { Effect } from "effect"
import {
  Payload,
  PayloadError,
  type PayloadResult,
  type PayloadSpec,
  payloadGraceMs,
  toPayloadResult
} from "../payload/index.ts"
import { cgroupNameProblem, payloadCommand } from "../plan/index.ts"
import { Command } from "../protocol/index.ts"
import { Op, type PayloadRunner, type RunningPayload } from "../scenario/index.ts"
import type { CommandRefused } from "../session/index.ts"
import type { LiveLedger } from "./ledger.ts"

const SIGTERM = 15

/** No such process: it has already ended. */
const ESRCH = 3

/** {@link PayloadRunner} over an agent that takes commands, and what the end of the run needs from it. */
export interface LivePayloads {
  readonly runner: PayloadRunner["Type"]
  /** Results of all payloads, in order of start. If a payload's end was not received, its result has what is known. */
  readonly results: Effect.Effect<ReadonlyArray<PayloadResult>>
  /** Stops all payloads that still run, at the same time. */
  readonly finish: Effect.Effect<void, PayloadError>
}

interface Started {
  readonly id: number
  readonly cgroup: string
  readonly judge: Effect.Effect<PayloadResult>
}

export const makeLivePayloads = (ledger: LiveLedger): LivePayloads => {
  const { guest, packed, prepare, record } = ledger.options
  const started: Array<Started> = []
  const refused = (error: CommandRefused) =>
    new PayloadError({ reason: "Refused", message: error.message, cause: error })
  const hasEnded = ({ id }: Started) => record.processes.get(id).end !== undefined

  const stop = Effect.fnUntraced(function* (payloads: ReadonlyArray<Started>) {
    const running = payloads.filter((payload) => !hasEnded(payload))
    if (running.length === 0) return
    for (const { cgroup } of running) yield* Effect.mapError(ledger.thaw(cgroup), refused)
    const ids = running.map(({ id }) => id)
    const command = Command.ProcStop({ ids, signal: SIGTERM, graceNs: payloadGraceMs * 1e6 })
    yield* Effect.mapError(ledger.obey(command), refused)
  })

  const start = Effect.fn("PayloadRunner.start")(function* (spec: PayloadSpec) {
    const { name } = spec.payload
    const wrong = Payload.problem(spec) ?? (spec.cgroup === "" ? undefined : cgroupNameProblem(spec.cgroup))
    if (wrong !== undefined) return yield* new PayloadError({ reason: "Program", message: wrong })
    const absent = Payload.includes(spec.payload).filter((include) => packed?.has(include) === false)
    if (absent.length > 0) {
      const message = `payload '${name}' needs ${absent.join(", ")}; name it among the program's payloads`
      return yield* new PayloadError({ reason: "Program", message })
    }
    const prepared = yield* prepare(spec)
    const id = guest.newProcessId()
    const judge = Effect.suspend(() => toPayloadResult({ ...prepared, spec, process: record.processes.get(id) }))
    yield* ledger.mark("RunPayload", Op.describe(Op.RunPayload(spec.payload, { cgroup: spec.cgroup })))
    const place = spec.cgroup === "" ? "the root cgroup" : `cgroup '${spec.cgroup}'`
    yield* Effect.mapError(
      ledger.obey({ ...payloadCommand(spec, id), argv: prepared.argv }),
      (cause) =>
        new PayloadError({ reason: "Refused", message: `payload '${name}' in ${place}: ${cause.message}`, cause })
    )
    const one: Started = { id, cgroup: spec.cgroup, judge }
    started.push(one)
    const ended = Effect.async<void>((resume) => record.processes.whenEnded(id, () => resume(Effect.void)))
    // A lost guest can't report the end any more.
    const result = Effect.zipRight(Effect.raceFirst(ended, Effect.ignore(guest.lost)), judge)
    const running: RunningPayload = {
      result,
      signal: (signal) =>
        ledger.obey(Command.ProcKill({ id, signal })).pipe(
          Effect.catchAll((error) => (error.errno === ESRCH ? Effect.void : Effect.fail(refused(error)))),
          Effect.withSpan("RunningPayload.signal")
        ),
      stop: Effect.zipRight(stop([one]), result)
    }
    return running
  })

  return {
    runner: { start },
    results: Effect.suspend(() => Effect.forEach(started, ({ judge }) => judge)),
    finish: Effect.suspend(() => stop(started))
  }
}
