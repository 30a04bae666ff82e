import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { WorkerReport } from "../../src/check/WorkerReport.ts"
import type { AgentEvent } from "../../src/protocol/AgentEvent.ts"
import type { WorkerTelemetry } from "../../src/protocol/Telemetry.ts"
import { toWorkerReport } from "../../src/session/toWorkerReport.ts"
import { events } from "./samples.ts"

const { _tag, ...telemetry } = events.find(
  (event): event is Extract<AgentEvent, { _tag: "Report" }> => event._tag === "Report"
)!
const report = (changes: Partial<WorkerTelemetry>): WorkerReport => toWorkerReport({ ...telemetry, ...changes }, [7, 8])

describe("toWorkerReport", () => {
  it("derives off-CPU time and milliseconds, and takes the latencies over", () => {
    const made = report({ maxGapNs: 4_500_000_000 })
    expect(made.offCpuNs).toBe(100)
    expect(made.maxGapMs).toBe(4500)
    expect(made.wakeLatenciesNs).toEqual([7, 8])
    expect(made.wakeLatenciesSeen).toBe(3)
    expect(made.schedstat).toEqual({ cpuTimeNs: 800, runDelayNs: 50, timesRun: 4 })
  })

  it("never has negative off-CPU time", () => {
    expect(report({ cpuTimeNs: 1001 }).offCpuNs).toBe(0)
  })

  it("tells how a worker ended", () => {
    expect(report({ completed: true, exitKind: "finished", exitValue: 0 }).exitInfo).toBeNull()
    expect(report({ exitKind: "exited", exitValue: 127 }).exitInfo).toEqual({ _tag: "Exited", code: 127 })
    expect(report({}).exitInfo).toEqual({ _tag: "Signaled", signal: 9 })
    expect(report({ exitKind: "timed out" }).exitInfo).toEqual({ _tag: "TimedOut" })
  })

  it("is what its schema says, and crosses JSON", () => {
    const made = report({})
    const json = JSON.parse(JSON.stringify(Schema.encodeSync(WorkerReport)(made)))
    expect(Schema.decodeUnknownSync(WorkerReport)(json)).toEqual(made)
    expect(json).not.toHaveProperty("exitKind")
    expect(json).not.toHaveProperty("wakeKept")
  })
})
