// A scenario as a program: it looks at what its workers have done and decides what comes next, which no list of steps can.
import { CgroupDef, CgroupManager, CpusetSpec, executeProgram, Scenario, WorkloadEngine } from "@ktstr/core"
import { Effect } from "effect"

/** Takes CPUs from the cgroup that is ahead for as long as one is, and gives all back at the end. */
export const rebalance = Scenario.make({
  name: "rebalance",
  category: "examples",
  description: "a program that confines whichever cgroup has done more",
  build: (ctx) =>
    executeProgram(
      ctx,
      Effect.gen(function* () {
        const cgroups = yield* CgroupManager
        const engine = yield* WorkloadEngine
        const defs = ["a", "b"].map((name) => CgroupDef.named(name).workers(2))
        yield* cgroups.setupCgroups(defs)
        const [a, b] = yield* engine.spawnDefs(defs)
        if (a === undefined || b === undefined) return
        yield* engine.start([a, b])
        for (let turn = 0; turn < 4; turn++) {
          yield* engine.hold(ctx.durationMs / 5)
          const counters = yield* engine.counters
          const done = (group: number) =>
            counters.filter((counter) => counter.group === group).reduce((sum, { workUnits }) => sum + workUnits, 0)
          const ahead = done(a.group) > done(b.group) ? a : b
          const behind = ahead === a ? b : a
          yield* cgroups.setCpuset(ahead.cgroup, CpusetSpec.Range(0, 0.5))
          yield* cgroups.clearCpuset(behind.cgroup)
        }
        yield* cgroups.clearCpuset("a")
        yield* cgroups.clearCpuset("b")
        yield* engine.hold(ctx.durationMs / 5)
        const reports = yield* engine.stopAndCollect([a, b])
        const idle = reports.filter(({ iterations }) => iterations === 0)
        if (idle.length > 0) return yield* Effect.fail(new Error(`${idle.length} workers never ran`))
      }),
      // Workers that are confined by turns do not get the same.
      { assert: { maxSpreadPct: false, isolation: true } }
    )
})
