/** Shared parts of the catalog's scenarios. */
import { Assert, CgroupDef, executeStepsWith, HoldSpec, Scenario, type ScenarioContext, Step } from "@ktstr/core"
import type { ScenarioSteps } from "@ktstr/core/scenario"

/** Makes a cgroup of spinning workers, whose work type an override may replace. */
export const spinning = (ctx: ScenarioContext, index: number): CgroupDef =>
  CgroupDef.named(ctx.cgroupName(index)).swappable(true)

/** Makes a cgroup with whole groups of a work type, with at least as many workers as the context asks for. */
export const working = (ctx: ScenarioContext, index: number, workType: string, groupSize = 1): CgroupDef =>
  CgroupDef.named(ctx.cgroupName(index))
    .workType(workType)
    .workers(Math.ceil(ctx.workersPerCgroup / groupSize) * groupSize)

/** Returns a number of workers for every CPU of the machine. */
export const perCpu = (ctx: ScenarioContext, workers: number): number => ctx.topo.allCpus.size * workers

/** Holds the cgroups for the whole duration, with a layer of checks. */
export const judged = (ctx: ScenarioContext, assert: Assert, defs: ReadonlyArray<CgroupDef>): ScenarioSteps =>
  executeStepsWith(ctx, [Step.withDefs(defs, HoldSpec.FULL)], assert)

/**
 * For workers that do not divide evenly among the CPUs, or share CPUs with such workers: some always
 * share their CPU with more workers than others do. Load balancing evens that out over seconds (kernel/sched/fair.c, sched_balance_rq weighs loads and
 * ignores an imbalance below its threshold), longer than these runs. EEVDF reached 57 % in half a second.
 */
export const unevenlyPlaced: Assert = { maxSpreadPct: false }

/**
 * For workers that wait, yield or change their class: they leave the CPU by their own and their partners' doing, and a messenger differs from
 * the workers it wakes. EEVDF reached 97 %.
 */
export const offByThemselves: Assert = { maxSpreadPct: false }

/** For cgroups whose workers come and go: workers of different times had different competition. */
export const ofDifferentTimes: Assert = { maxSpreadPct: false }

export const half: HoldSpec = HoldSpec.Frac(1 / 2)
export const third: HoldSpec = HoldSpec.Frac(1 / 3)
export const quarter: HoldSpec = HoldSpec.Frac(1 / 4)

/**
 * The first layer of every scenario of the catalog. Its steps last two seconds at most. With two workers per CPU, three may share one CPU and one have another
 * until load balancing (kernel/sched/fair.c) evens that out: that one is never off CPU, the three are for 67 %. Depending on the seed, EEVDF reached
 * 28 to 65 %, and the default threshold is 35 %. A change of the guest's files has the effect of another seed.
 */
const threeToOne: Assert = { maxSpreadPct: 75 }

/** Makes the scenarios of a category; their names begin with the category. */
export const inCategory =
  (category: string) =>
  (options: Omit<Parameters<typeof Scenario.make>[0], "category">): Scenario =>
    Scenario.make({
      ...options,
      category,
      name: `${category}/${options.name}`,
      build: (ctx) => {
        const built = options.build(ctx)
        return "assert" in built && "steps" in built
          ? { ...built, assert: Assert.merge(threeToOne, built.assert) }
          : built
      }
    })
