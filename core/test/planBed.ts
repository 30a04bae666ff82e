import { Either, Layer } from "effect"
import { Plan } from "../src/plan/Plan.ts"
import type { Command } from "../src/protocol/Command.ts"
import { CgroupDef } from "../src/scenario/CgroupDef.ts"
import { ScenarioContext } from "../src/scenario/Context.ts"
import type { ScenarioSteps } from "../src/scenario/Scenario.ts"
import { TestTopology } from "../src/topology/TestTopology.ts"
import { Topology } from "../src/topology/Topology.ts"
import { WorkProgram } from "../src/work/Program.ts"
import { layerWorkTypes, WorkType } from "../src/work/Type.ts"

export const registry = Layer.provideMerge(
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

export const context = (
  options?: Partial<Parameters<typeof ScenarioContext.make>[0]> & { readonly topology?: string }
) =>
  ScenarioContext.make({
    topo: TestTopology.fromTopology(Either.getOrThrow(Topology.parse(options?.topology ?? "1n2l4c1t"))),
    ...options
  })

export const compile = (build: (ctx: ScenarioContext) => ScenarioSteps, options?: Parameters<typeof context>[0]) => {
  const ctx = context(options)
  return Plan.compile(build(ctx), ctx)
}

/** Commands in short, without the marks and the programs. */
export const brief = (commands: ReadonlyArray<Command>): ReadonlyArray<string> =>
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

export const def = (name: string): CgroupDef => CgroupDef.named(name)
