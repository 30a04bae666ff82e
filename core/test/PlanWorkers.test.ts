import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Backdrop } from "../src/scenario/Backdrop.ts"
import type { ScenarioContext } from "../src/scenario/Context.ts"
import { HoldSpec } from "../src/scenario/HoldSpec.ts"
import { Op } from "../src/scenario/Op.ts"
import { executeDefs, executeSteps, executeStepsWith, type ScenarioSteps } from "../src/scenario/Scenario.ts"
import { Step } from "../src/scenario/Step.ts"
import { Affinity } from "../src/topology/Affinity.ts"
import { CpusetSpec } from "../src/topology/CpusetSpec.ts"
import { MemPolicy } from "../src/topology/MemPolicy.ts"
import { SchedPolicy } from "../src/work/SchedPolicy.ts"
import { WorkTypeRef } from "../src/work/Type.ts"
import { compile, type context, def, registry } from "./planBed.ts"

it.layer(registry)("the workers of a plan", (it) => {
  it.effect("remembers what each worker was ever allowed, by cpuset and affinity", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.withDefs(
            [
              def("top")
                .withCpuset(CpusetSpec.Exact([0, 1, 2, 3]))
                .work({ workers: 1 }),
              def("top/in")
                .withCpuset(CpusetSpec.Exact([2, 3, 4]))
                .affinity(Affinity.Exact([2])),
              def("free").workers(1)
            ],
            HoldSpec.Frac(0.5)
          ),
          Step.withDefs(
            [
              def("late")
                .withCpuset(CpusetSpec.Exact([7]))
                .workers(1)
            ],
            HoldSpec.Frac(0.5)
          ).setOps([])
        ])
      )
      const allowed = plan.groups.map((group) => group.allowedCpus.map(String))
      expect(allowed).toEqual([["0-3"], ["2", "2"], ["0-7"], ["7"]])
      expect(plan.cgroups.map((cgroup) => [cgroup.name, cgroup.cpuset?.toString()])).toEqual([
        ["top", "0-3"],
        ["top/in", "2-4"],
        ["free", undefined],
        ["late", "7"]
      ])
    })
  )

  it.effect("follows cpusets, moves and removals while workers run", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeStepsWith(
          ctx,
          [
            Step.new([Op.SwapCpusets("a", "b")], HoldSpec.Frac(0.2)),
            Step.new([Op.MoveAllTasks("a", "c")], HoldSpec.Frac(0.2)),
            Step.new([Op.SetCpuset("c", CpusetSpec.Exact([5]))], HoldSpec.Frac(0.2)),
            Step.new([Op.RemoveCgroup("b")], HoldSpec.Frac(0.2))
          ],
          {},
          Backdrop.withDefs([
            def("a")
              .withCpuset(CpusetSpec.Exact([0]))
              .workers(1),
            def("b")
              .withCpuset(CpusetSpec.Exact([1]))
              .workers(1),
            def("c")
              .withCpuset(CpusetSpec.Exact([4]))
              .workers(1)
          ])
        )
      )
      expect(plan.groups.map((group) => group.cpusets.map((change) => `${change.step}:${change.cpus}`))).toEqual([
        ["-1:0", "0:1", "1:4", "2:5"],
        ["-1:1", "0:0", "3:0-7"],
        ["-1:4", "2:5"]
      ])
      expect(plan.groups.map((group) => group.allowedCpus.map(String))).toEqual([["0-1,4-5"], ["0-7"], ["4-5"]])
      for (const change of plan.groups.flatMap((group) => group.cpusets)) {
        expect(plan.commands[change.command]).toBeDefined()
      }
    })
  )

  it.effect("overrides swappable work types, but not where the scenario fixed a count that does not divide", () =>
    Effect.gen(function* () {
      const build = (ctx: ScenarioContext) =>
        executeDefs(ctx, [
          def("a").swappable(true),
          def("b"),
          def("c").workers(3).swappable(true),
          def("d").workers(4).swappable(true)
        ])
      const plan = yield* compile(build, { workTypeOverride: WorkTypeRef.of("PipeIo") })
      expect(plan.groups.map((group) => group.workType)).toEqual(["PipeIo", "SpinWait", "SpinWait", "PipeIo"])
      expect(plan.groups.map((group) => group.blocks)).toEqual([true, false, false, true])
      expect(plan.warnings).toEqual(["cgroup 'c' keeps SpinWait: PipeIo works in groups of 2, it has 3"])
      const asked = yield* Effect.flip(
        compile(build, { workTypeOverride: WorkTypeRef.of("PipeIo"), workersPerCgroup: 3 })
      )
      expect(asked.message).toBe("PipeIo requires num_workers divisible by 2, got 3")
      expect(asked.reason).toBe("WorkerCount")
    })
  )

  it.effect("chooses random CPUs by the seed", () =>
    Effect.gen(function* () {
      const masks = (seed: number) =>
        Effect.map(
          compile((ctx) => executeDefs(ctx, [def("a").workers(8).affinity(Affinity.RandomSubset(2))]), { seed }),
          (plan) => plan.groups[0]!.allowedCpus.map(String)
        )
      const first = yield* masks(1)
      expect(yield* masks(1)).toEqual(first)
      expect(yield* masks(2)).not.toEqual(first)
      for (const mask of first) expect(mask).toMatch(/^\d(,|-)\d$/)
    })
  )

  for (const [what, expected, build, options] of [
    [
      "a cpuset of the seed",
      "cgroup 'cg_0': CpusetSpec validation failed: not enough usable CPUs (7) for 8 partitions",
      (ctx) => executeDefs(ctx, [def("cg_0").withCpuset(CpusetSpec.Disjoint(0, 8))])
    ],
    [
      "a wrong number of workers",
      "PipeIo requires num_workers divisible by 2, got 3",
      (ctx) => executeDefs(ctx, [def("a").workType("PipeIo").workers(3)])
    ],
    [
      "an unknown work type",
      "unknown work type 'SpinWiat'; did you mean 'SpinWait'?",
      (ctx) => executeDefs(ctx, [def("a").workType("SpinWiat")])
    ],
    [
      "a cgroup name that leaves the root",
      "cgroup name '../x': '..' is no name; write a name such as cg_0, or a/b for a nested one",
      (ctx) => executeDefs(ctx, [def("../x")])
    ],
    [
      "an absolute cgroup name",
      "cgroup name '/x': it has an empty part; write a name such as cg_0, or a/b for a nested one",
      (ctx) => executeSteps(ctx, [Step.new([Op.AddCgroup("/x")], HoldSpec.FULL)])
    ],
    [
      "workers of a cgroup that is not there",
      "StopCgroup: no cgroup 'cg_1' was created; did you mean 'cg_0'?",
      (ctx) => executeSteps(ctx, [Step.new([Op.AddCgroup("cg_0"), Op.StopCgroup("cg_1")], HoldSpec.FULL)])
    ],
    [
      "a worker that is not there",
      "KillWorker: cgroup 'a' has 2 running workers, no worker 5",
      (ctx) => executeSteps(ctx, [Step.new([Op.AddCgroup("a"), Op.Spawn("a"), Op.KillWorker("a", 5)], HoldSpec.FULL)])
    ],
    [
      "a real-time priority",
      "cgroup 'a': Fifo priority is 0; it must be a whole number from 1 to 99",
      (ctx) => executeDefs(ctx, [def("a").schedPolicy(SchedPolicy.Fifo(0))])
    ],
    ["a nice value", "cgroup 'a': nice is 20; it must be -20 to 19", (ctx) => executeDefs(ctx, [def("a").nice(20)])],
    [
      "a weight",
      "SetWeight: the weight is 0; it must be a whole number from 1 to 10000",
      (ctx) => executeSteps(ctx, [Step.new([Op.SetWeight("a", 0)], HoldSpec.FULL)])
    ],
    [
      "an affinity outside the cpuset",
      "cgroup 'a': affinity Exact(7): none of these CPUs is in the cgroup's cpuset 0-3",
      (ctx) =>
        executeDefs(ctx, [
          def("a")
            .withCpuset(CpusetSpec.Llc(0))
            .affinity(Affinity.Exact([7]))
        ])
    ],
    [
      "a random subset that is too large",
      "cgroup 'a': affinity RandomSubset(5): the count must be a whole number from 1 to the 4 CPUs of the cgroup (0-3)",
      (ctx) => executeDefs(ctx, [def("a").withCpuset(CpusetSpec.Llc(0)).affinity(Affinity.RandomSubset(5))])
    ],
    [
      "a memory policy outside the cpuset",
      "cgroup 'a': memory policy Bind: NUMA nodes 1 are not covered by cpuset 0-3 (nodes 0)",
      (ctx) => executeDefs(ctx, [def("a").withCpuset(CpusetSpec.Numa(0)).memPolicy(MemPolicy.Bind(1))]),
      { topology: "2n2l4c1t" }
    ],
    [
      "an unknown NUMA node",
      "cgroup 'a': memory policy Preferred: NUMA nodes 3 are not in the topology (nodes 0)",
      (ctx) => executeDefs(ctx, [def("a").memPolicy(MemPolicy.Preferred(3))])
    ],
    [
      "a hold",
      "step 1 of 1: HoldSpec: Frac fraction must lie in [0.0, 1.0], got 1.5",
      (ctx) => executeSteps(ctx, [Step.new([], HoldSpec.Frac(1.5))])
    ],
    [
      "a loop interval",
      "step 1 of 1: HoldSpec: Loop interval must be longer than 0 and finite, got 0",
      (ctx) => executeSteps(ctx, [Step.new([], HoldSpec.Loop(0))])
    ],
    [
      "a loop after the time is up",
      "step 2 of 2: HoldSpec: Loop has no time left; earlier steps hold the whole duration",
      (ctx) => executeSteps(ctx, [Step.new([], HoldSpec.FULL), Step.new([], HoldSpec.Loop("1 millis"))])
    ],
    [
      "no duration",
      "the duration is 0 ms; it must be longer than 0 and finite",
      (ctx) => executeDefs(ctx, [def("a")]),
      { durationMs: 0 }
    ]
  ] as ReadonlyArray<
    readonly [string, string, (ctx: ScenarioContext) => ScenarioSteps, Parameters<typeof context>[0]?]
  >) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(compile(build, options))).message).toBe(expected)
      })
    )
  }
})
