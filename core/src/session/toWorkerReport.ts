/**
 * Converts the agent's worker telemetry to the reports that checks read.
 *
 * @since 0.1.0
 */
import { WorkerReport } from "../check/index.ts"
import { guestLimits, type WorkerTelemetry } from "../protocol/index.ts"

const exitInfo = (telemetry: WorkerTelemetry): WorkerReport["exitInfo"] => {
  switch (telemetry.exitKind) {
    case "finished":
      return null
    case "exited":
      return { _tag: "Exited", code: telemetry.exitValue }
    case "signaled":
      return { _tag: "Signaled", signal: telemetry.exitValue }
    case "timed out":
      return { _tag: "TimedOut" }
  }
}

/**
 * Makes a report from a `WORKER_REPORT` and the latencies of the `LATENCIES` frames before it, in order.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toWorkerReport = (telemetry: WorkerTelemetry, latenciesNs: ReadonlyArray<number>): WorkerReport => {
  const { exitKind: _kind, exitValue: _value, schedCpuTimeNs, schedRunDelayNs, schedTimesRun, ...rest } = telemetry
  const { wakeSeen, wakeKept: _kept, migrations, ...fields } = rest
  return WorkerReport.make(
    {
      ...fields,
      migrations: migrations.slice(0, guestLimits.migrationsOfWorker),
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
