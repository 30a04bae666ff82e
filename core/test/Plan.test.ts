import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Layer } from "effect"
import { Affinity } from "../src/Affinity.ts"
import { Backdrop } from "../src/Backdrop.ts"
import { CgroupDef } from "../src/CgroupDef.ts"
import { CpusetSpec } from "../src/CpusetSpec.ts"
import type { Command } from "../src/guest/Command.ts"
import { decodeCommand, encodePlan } from "../src/guest/Command.ts"
import { makeFrameDecoder } from "../src/guest/Frame.ts"
import { HoldSpec } from "../src/HoldSpec.ts"
import { MemPolicy, MpolFlags } from "../src/MemPolicy.ts"
import { Op } from "../src/Op.ts"
import { Plan } from "../src/Plan.ts"
import { executeDefs, executeSteps, executeStepsWith, type ScenarioSteps } from "../src/Scenario.ts"
import { ScenarioContext } from "../src/ScenarioContext.ts"
import { SchedPolicy } from "../src/SchedPolicy.ts"
import { Step } from "../src/Step.ts"
import { TestTopology } from "../src/TestTopology.ts"
import { Topology } from "../src/Topology.ts"
import { WorkProgram } from "../src/WorkProgram.ts"
import { layerWorkTypes, WorkType, WorkTypeRef } from "../src/WorkType.ts"

const registry = Layer.provideMerge(
  WorkType.layerAll([
    WorkType.make({
      name: "SpinWait",
      description: "spins",
      params: {},
      program: () => WorkProgram.make({ body: [WorkProgram.spin(1024)] })
    }),
    WorkType.make({
      name: "PipeIo",
      description: "pairs",
      params: {},
      groupSize: () => 2,
      program: () => WorkProgram.make({ body: [WorkProgram.pipeWrite(0), WorkProgram.pipeRead(1)] })
    })
  ]),
  layerWorkTypes
)

const context = (options?: Partial<Parameters<typeof ScenarioContext.make>[0]> & { readonly topology?: string }) =>
  ScenarioContext.make({
    topo: TestTopology.fromTopology(Either.getOrThrow(Topology.parse(options?.topology ?? "1n2l4c1t"))),
    ...options
  })

const compile = (build: (ctx: ScenarioContext) => ScenarioSteps, options?: Parameters<typeof context>[0]) => {
  const ctx = context(options)
  return Plan.compile(build(ctx), ctx)
}

/** Commands in short, without the marks and the programs. */
const brief = (commands: ReadonlyArray<Command>): ReadonlyArray<string> =>
  commands.flatMap((command): ReadonlyArray<string> => {
    switch (command._tag) {
      case "Mark":
        return []
      case "CgroupCreate":
        return [`create ${command.path}`]
      case "CgroupRemove":
        return [`remove ${command.path}`]
      case "CgroupWrite":
        return [`write ${command.path}/${command.file} ${JSON.stringify(command.value)}`]
      case "CgroupMoveAll":
        return [`move ${command.from} ${command.to}`]
      case "Spawn":
        return [`spawn ${command.group} ${command.cgroup} ${command.workers.length}x${command.label}`]
      case "Start":
      case "Stop":
        return [`${command._tag} ${command.groups}`]
      case "Hold":
        return [`hold ${command.ns / 1e6}ms`]
      case "LoopBegin":
        return [`loop ${command.totalNs / 1e6}ms every ${command.intervalNs / 1e6}ms`]
      case "SetAffinity":
        return [`affinity ${command.group} ${JSON.stringify(command.cpus)}`]
      case "KillWorker":
        return [`kill ${command.group}.${command.index} ${command.signal}`]
      case "StepBegin":
      case "StepEnd":
        return [`${command._tag} ${command.index}`]
      default:
        return [command._tag]
    }
  })

const def = (name: string): CgroupDef => CgroupDef.named(name)

it.layer(registry)("Plan", (it) => {
  it.effect("does ops, then definitions, then the hold, and clears up behind each step", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeStepsWith(
          ctx,
          [
            Step.withDefs([def("cg_1").workers(1), def("cg_2").workers(1)], HoldSpec.Frac(0.5)).setOps([
              Op.SetCpuset("cg_0", CpusetSpec.Disjoint(0, 2))
            ]),
            Step.new([Op.ClearCpuset("cg_0")], HoldSpec.Fixed("250 millis"))
          ],
          { isolation: true },
          Backdrop.withDefs([def("cg_0")])
        )
      )
      expect(brief(plan.commands)).toEqual([
        "create cg_0",
        "spawn 0 cg_0 2xSpinWait",
        "Start 0",
        "StepBegin 0",
        'write cg_0/cpuset.cpus "0-2"',
        "create cg_1",
        "spawn 1 cg_1 1xSpinWait",
        "create cg_2",
        "spawn 2 cg_2 1xSpinWait",
        "Start 1,2",
        "hold 1000ms",
        "Stop 1,2",
        "remove cg_2",
        "remove cg_1",
        "StepEnd 0",
        "StepBegin 1",
        'write cg_0/cpuset.cpus "\\n"',
        "hold 250ms",
        "StepEnd 1",
        "Stop 0",
        "remove cg_0",
        "End"
      ])
      expect(plan.plannedNs).toBe(1.25e9)
      expect(plan.assert).toEqual({ isolation: true })
      expect(plan.steps.map((step) => step.label)).toEqual(["step 1 of 2", "step 2 of 2"])
      expect(plan.groups.map((group) => [group.cgroup, group.step])).toEqual([
        ["cg_0", -1],
        ["cg_1", 0],
        ["cg_2", 0]
      ])
    })
  )

  it.effect("marks every op and definition for the timeline", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.withDefs([def("a").withCpuset(CpusetSpec.Llc(0))], HoldSpec.FULL).setOps([
            Op.AddCgroup("b"),
            Op.SetWeight("b", 50),
            Op.SetCpuset("b", CpusetSpec.Llc(1))
          ])
        ])
      )
      const marks = plan.commands.flatMap((command) =>
        command._tag === "Mark" ? [`${command.kind} ${command.detail}`] : []
      )
      expect(marks).toEqual([
        "AddCgroup b",
        "SetWeight b 50",
        "SetCpuset b Llc 4-7",
        "CgroupDef a cpuset 0-3 2xSpinWait"
      ])
    })
  )

  it.effect("encodes to a plan that decodes to the same commands", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeDefs(ctx, [
          def("a/b")
            .withCpuset(CpusetSpec.Llc(1))
            .affinity(Affinity.SingleCpu)
            .schedPolicy(SchedPolicy.Fifo(7))
            .nice(-3),
          def("c").workType("PipeIo").memPolicy(MemPolicy.Bind(0)).mpolFlags(MpolFlags.STATIC_NODES)
        ])
      )
      const decoder = makeFrameDecoder()
      const frames = decoder.push(encodePlan(plan.commands)).frames
      expect(frames.map((frame) => Either.getOrThrow(decodeCommand(frame)))).toEqual(plan.commands)
      const spawns = plan.commands.filter((command) => command._tag === "Spawn")
      expect(spawns[0]?.workers[1]).toEqual({
        index: 1,
        affinity: [5],
        policy: 1,
        priority: 7,
        nice: -3,
        memPolicy: undefined
      })
      expect(spawns[1]?.workers[0]?.memPolicy).toEqual({ mode: 2, flags: 1 << 15, nodes: [0] })
      expect(spawns[1]?.channels).toBe(2)
      expect(brief(plan.commands).slice(0, 3)).toEqual(["StepBegin 0", "create a", "create a/b"])
    })
  )

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

  it.effect("leaves a never-created cgroup to fail in the guest, with its path", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.new(
            [
              Op.SetCpuset("nonexistent", CpusetSpec.Llc(0)),
              Op.Spawn("nonexistent"),
              Op.MoveAllTasks("nonexistent", ""),
              Op.FreezeCgroup("nonexistent")
            ],
            HoldSpec.FULL
          )
        ])
      )
      expect(brief(plan.commands).slice(1, 6)).toEqual([
        'write nonexistent/cpuset.cpus "0-3"',
        "spawn 0 nonexistent 2xSpinWait",
        "Start 0",
        "move nonexistent ",
        'write nonexistent/cgroup.freeze "1"'
      ])
    })
  )

  it.effect("compiles the writes, unfreezes before it stops, and kills one worker", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.withDefs([def("a").work({ workers: 2 }).work({ workers: 2 })], HoldSpec.Frac(0.1)).named("first"),
          Step.new(
            [
              Op.AddCgroup("a"),
              Op.SetWeight("a", 200),
              Op.SetBandwidth("a", 50_000),
              Op.SetBandwidth("a", "max"),
              Op.Spawn("a", { workers: 2 }),
              Op.Spawn("a", { workers: 1, nice: 19 }),
              Op.SetAffinity("a", Affinity.SingleCpu),
              Op.KillWorker("a", 2),
              Op.FreezeCgroup("a"),
              Op.StopCgroup("a"),
              Op.SpawnHost({ workers: 1 })
            ],
            HoldSpec.Frac(0.1)
          )
        ])
      )
      const commands = brief(plan.commands)
      expect(commands.slice(commands.indexOf("StepBegin 1"))).toEqual([
        "StepBegin 1",
        "create a",
        'write a/cpu.weight "200"',
        'write a/cpu.max "50000 100000"',
        'write a/cpu.max "max 100000"',
        "spawn 2 a 2xSpinWait",
        "Start 2",
        "spawn 3 a 1xSpinWait",
        "Start 3",
        "affinity 2 [[0],[1]]",
        "affinity 3 [[0]]",
        "kill 3.0 9",
        'write a/cgroup.freeze "1"',
        'write a/cgroup.freeze "0"',
        "Stop 2,3",
        "spawn 4  1xSpinWait",
        "Start 4",
        "hold 200ms",
        "Stop 4",
        "remove a",
        "StepEnd 1",
        "End"
      ])
    })
  )

  it.effect("repeats a loop in the guest when every round is the same", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.withDefs([def("a")], HoldSpec.Loop("10 millis")).setOps([
            Op.SetCpuset("a", CpusetSpec.Llc(0)),
            Op.ClearCpuset("a")
          ])
        ])
      )
      expect(brief(plan.commands)).toEqual([
        "StepBegin 0",
        "create a",
        "spawn 0 a 2xSpinWait",
        "Start 0",
        "loop 2000ms every 10ms",
        'write a/cpuset.cpus "0-3"',
        'write a/cpuset.cpus "\\n"',
        "LoopEnd",
        "Stop 0",
        "remove a",
        "StepEnd 0",
        "End"
      ])
    })
  )

  it.effect("unrolls a loop whose rounds differ", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.new([], HoldSpec.Fixed("1500 millis")),
          Step.withDefs(
            [
              def("a")
                .withCpuset(CpusetSpec.Exact([0]))
                .workers(1),
              def("b")
                .withCpuset(CpusetSpec.Exact([1]))
                .workers(1)
            ],
            HoldSpec.Loop("200 millis")
          ).setOps([Op.SwapCpusets("a", "b")])
        ])
      )
      const commands = brief(plan.commands)
      const [first, last] = [commands.indexOf("loop 200ms every 200ms"), commands.lastIndexOf("LoopEnd")]
      expect(commands.slice(first, last + 1)).toEqual([
        "loop 200ms every 200ms",
        'write a/cpuset.cpus "1"',
        'write b/cpuset.cpus "0"',
        "LoopEnd",
        "loop 200ms every 200ms",
        'write a/cpuset.cpus "0"',
        'write b/cpuset.cpus "1"',
        "LoopEnd",
        "loop 100ms every 100ms",
        'write a/cpuset.cpus "1"',
        'write b/cpuset.cpus "0"',
        "LoopEnd"
      ])
      expect(plan.groups.map((group) => group.allowedCpus.map(String))).toEqual([["0-1"], ["0-1"]])
    })
  )

  it.effect("gives workers that a loop spawns numbers of their own", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.withDefs([def("a")], HoldSpec.Loop("500 millis")).setOps([
            Op.Spawn("a", { workers: 1 }),
            Op.StopCgroup("a")
          ])
        ])
      )
      expect(plan.groups.map((group) => group.group)).toEqual([0, 1, 2, 3, 4])
      expect(brief(plan.commands).filter((line) => line.startsWith("Stop"))).toEqual([
        "Stop 0,1",
        "Stop 2",
        "Stop 3",
        "Stop 4"
      ])
    })
  )

  it.effect("enables the controllers that a cgroup asks for", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.new([Op.AddCgroup("x/y", ["cpuset"]), Op.AddCgroup("z")], HoldSpec.FULL).setDefs([
            CgroupDef.named("d").withControllers([])
          ])
        ])
      )
      const created = plan.commands.flatMap((command) => (command._tag === "CgroupCreate" ? [command] : []))
      expect(created.map(({ controllers, path }) => [path, controllers])).toEqual([
        ["x", ["cpuset"]],
        ["x/y", ["cpuset"]],
        ["z", ["cpuset", "cpu"]],
        ["d", []]
      ])
    })
  )

  it.effect("collects the files that work types need, each once", () =>
    Effect.gen(function* () {
      const program = WorkProgram.make({ body: [WorkProgram.exec("/bin/thing")] })
      const custom = (...includes: ReadonlyArray<string>) => WorkType.custom("Thing", program, 1, includes)
      const plan = yield* compile((ctx) =>
        executeDefs(ctx, [def("a").workType(custom("/b", "/a")), def("b").workType(custom("/a")), def("c")])
      )
      expect(plan.includes).toEqual(["/b", "/a"])
    })
  )

  it.effect("takes 10 000 ops in a plan", () =>
    Effect.gen(function* () {
      const ops = Array.from({ length: 10_000 }, (_, i) => Op.SetCpuset("a", CpusetSpec.Exact([i % 8])))
      const plan = yield* compile((ctx) => executeSteps(ctx, [Step.new([Op.AddCgroup("a"), ...ops], HoldSpec.FULL)]))
      expect(plan.commands.length).toBe(20_000 + 7)
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

describe("CgroupDef", () => {
  it("is immutable", () => {
    const base = def("a")
    base.workers(9).nice(3).swappable(true)
    expect(base.workGroups).toEqual([{}])
    expect(base.isSwappable).toBe(false)
  })

  it("gives added groups what they leave unset, but not its own count", () => {
    const groups = def("a").nice(5).work({ workers: 1 }).work({ workers: 2, nice: 19 }).workGroups
    expect(groups.map((group) => [group.workers, group.nice])).toEqual([
      [1, 5],
      [2, 19]
    ])
    expect(
      def("a")
        .workers(4)
        .work({ nice: 1 })
        .workGroups.map((group) => group.workers)
    ).toEqual([4, undefined])
  })
})
