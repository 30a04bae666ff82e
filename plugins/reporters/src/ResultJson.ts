/**
 * Results as JSON values.
 *
 * @since 0.1.0
 */
import { RunResult, type WorkerReport } from "@ktstr/core"
import { Schema } from "effect"

const encode = Schema.encodeSync(RunResult)
const decode = Schema.decodeSync(RunResult)

/**
 * A printed result: {@link RunResult} encoded, without `wakeLatenciesNs` of each worker. That sample has up to
 * 100 000 numbers; its percentiles are in the cgroup's stats.
 *
 * @since 0.1.0
 * @category models
 */
export type ResultJson = Omit<typeof RunResult.Encoded, "cgroups"> & {
  readonly cgroups: ReadonlyArray<
    Omit<(typeof RunResult.Encoded)["cgroups"][number], "workers"> & {
      readonly workers: ReadonlyArray<Omit<typeof WorkerReport.Encoded, "wakeLatenciesNs">>
    }
  >
}

/**
 * @since 0.1.0
 * @category conversions
 */
export const resultToJson = (result: RunResult): ResultJson => {
  const encoded = encode(result)
  return {
    ...encoded,
    cgroups: encoded.cgroups.map((cgroup) => ({
      ...cgroup,
      workers: cgroup.workers.map(({ wakeLatenciesNs: _, ...report }) => report)
    }))
  }
}

/**
 * Restores a result from the output of {@link resultToJson}; the latency samples stay empty.
 *
 * @since 0.1.0
 * @category conversions
 */
export const resultFromJson = (json: ResultJson): RunResult =>
  decode({
    ...json,
    cgroups: json.cgroups.map((cgroup) => ({
      ...cgroup,
      workers: cgroup.workers.map((report) => ({ ...report, wakeLatenciesNs: [] }))
    }))
  })
