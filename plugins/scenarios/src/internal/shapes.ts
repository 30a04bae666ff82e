/** The parts that many scenarios of the catalog are made of. */
import { CgroupDef, HoldSpec, Scenario, type ScenarioContext } from "@ktstr/core"

/** A cgroup of spinning workers, whose work type an override may replace. */
export const spinning = (ctx: ScenarioContext, index: number): CgroupDef =>
  CgroupDef.named(ctx.cgroupName(index)).swappable(true)

/** A cgroup with whole groups of a work type, at least as many workers as the context asks. */
export const working = (ctx: ScenarioContext, index: number, workType: string, groupSize = 1): CgroupDef =>
  CgroupDef.named(ctx.cgroupName(index))
    .workType(workType)
    .workers(Math.ceil(ctx.workersPerCgroup / groupSize) * groupSize)

/** So many workers for every CPU of the machine. */
export const perCpu = (ctx: ScenarioContext, workers: number): number => ctx.topo.allCpus.size * workers

export const half: HoldSpec = HoldSpec.Frac(1 / 2)
export const third: HoldSpec = HoldSpec.Frac(1 / 3)
export const quarter: HoldSpec = HoldSpec.Frac(1 / 4)

/** Makes the scenarios of a category, whose names begin with it. */
export const inCategory =
  (category: string) =>
  (options: Omit<Parameters<typeof Scenario.make>[0], "category">): Scenario =>
    Scenario.make({ ...options, category, name: `${category}/${options.name}` })
