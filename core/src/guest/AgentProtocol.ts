/**
 * What the agent says of a worker as the report that checks read.
 *
 * @since 0.1.0
 */
import { WorkerReport } from "../WorkerReport.ts"
import type { WorkerTelemetry } from "./AgentEvent.ts"

const exitInfo = (telemetry: WorkerTelemetry): WorkerReport["exitInfo"] => {
  switch (telemetry.exitKind) {
    case 0:
      return null
    case 1:
      return { _tag: "Exited", code: telemetry.exitValue }
    case 2:
      return { _tag: "Signaled", signal: telemetry.exitValue }
    default:
      return { _tag: "TimedOut" }
  }
}

/**
 * A `WORKER_REPORT` with the latencies of the `LATENCIES` frames that came before it, in order.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toWorkerReport = (telemetry: WorkerTelemetry, latenciesNs: ReadonlyArray<number>): WorkerReport => {
  const { exitKind: _kind, exitValue: _value, schedCpuTimeNs, schedRunDelayNs, schedTimesRun, ...rest } = telemetry
  const { wakeSeen, wakeKept: _kept, ...fields } = rest
  return WorkerReport.make(
    {
      ...fields,
      offCpuNs: Math.max(0, telemetry.wallTimeNs - telemetry.cpuTimeNs),
      maxGapMs: telemetry.maxGapNs / 1e6,
      wakeLatenciesNs: latenciesNs,
      wakeLatenciesSeen: wakeSeen,
      schedstat: { cpuTimeNs: schedCpuTimeNs, runDelayNs: schedRunDelayNs, timesRun: schedTimesRun },
      exitInfo: exitInfo(telemetry)
    },
    { disableValidation: true }
  )
}
