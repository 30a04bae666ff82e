import { expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { decodeCommand, encodePlan } from "../src/protocol/Command.ts"
import { makeFrameDecoder } from "../src/protocol/Frame.ts"
import { Backdrop } from "../src/scenario/Backdrop.ts"
import { CgroupDef } from "../src/scenario/CgroupDef.ts"
import { HoldSpec } from "../src/scenario/HoldSpec.ts"
import { Op } from "../src/scenario/Op.ts"
import { executeDefs, executeSteps, executeStepsWith } from "../src/scenario/Scenario.ts"
import { Step } from "../src/scenario/Step.ts"
import { Affinity } from "../src/topology/Affinity.ts"
import { CpusetSpec } from "../src/topology/CpusetSpec.ts"
import { MemPolicy, MpolFlags } from "../src/topology/MemPolicy.ts"
import { WorkProgram } from "../src/work/Program.ts"
import { SchedPolicy } from "../src/work/SchedPolicy.ts"
import { WorkType } from "../src/work/Type.ts"
import { brief, compile, def, registry } from "./planBed.ts"

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
})
