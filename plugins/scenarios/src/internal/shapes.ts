/** The parts that many scenarios of the catalog are made of. */
import { Assert, CgroupDef, executeStepsWith, HoldSpec, Scenario, type ScenarioContext, Step } from "@ktstr/core"
import type { ScenarioSteps } from "@ktstr/core/scenario"

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

/** The cgroups for the whole duration, with a layer of checks. */
export const judged = (ctx: ScenarioContext, assert: Assert, defs: ReadonlyArray<CgroupDef>): ScenarioSteps =>
  executeStepsWith(ctx, [Step.withDefs(defs, HoldSpec.FULL)], assert)

/**
 * For workers that do not divide evenly among the CPUs, or share them with other cgroups' workers that do not: some always
 * have more company than others. Load balancing evens that out over seconds (kernel/sched/fair.c, sched_balance_rq weighs loads and
 * leaves an imbalance below its threshold alone), which short runs do not have. EEVDF was seen at up to 57 % in half a second.
 */
export const unevenlyPlaced: Assert = { maxSpreadPct: false }

/**
 * For workers that wait, yield or change their class: they are off CPU by their own doing and their partners', and a messenger is not like
 * those it wakes. EEVDF was seen at up to 97 %.
 */
export const offByThemselves: Assert = { maxSpreadPct: false }

/** For cgroups whose workers come and go: those of different times had different company. */
export const ofDifferentTimes: Assert = { maxSpreadPct: false }

export const half: HoldSpec = HoldSpec.Frac(1 / 2)
export const third: HoldSpec = HoldSpec.Frac(1 / 3)
export const quarter: HoldSpec = HoldSpec.Frac(1 / 4)

/**
 * What every scenario of the catalog begins with. Its steps last fractions of a second or two, in which two workers a CPU may stand three to one
 * until load balancing (kernel/sched/fair.c) evens that out: the one is never off CPU, the three are for 67 %. With one seed or another EEVDF was seen
 * at 28 to 65 % where the default threshold is 35 %, and a change of the guest's files is as good as another seed.
 */
const threeToOne: Assert = { maxSpreadPct: 75 }

/** Makes the scenarios of a category, whose names begin with it. */
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
