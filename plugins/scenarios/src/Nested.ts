/**
 * Cgroups within cgroups.
 *
 * @since 0.1.0
 */
import {
  Backdrop,
  CgroupDef,
  CpusetSpec,
  executeDefs,
  executeStepsWith,
  HoldSpec,
  Op,
  type Scenario,
  type ScenarioContext,
  Step
} from "@ktstr/core"
import { inCategory, judged, ofDifferentTimes, perCpu, third, unevenlyPlaced } from "./internal/shapes.ts"

const scenario = inCategory("nested")

/** A cgroup of spinning workers below another one. */
const below = (ctx: ScenarioContext, index: number, ...inner: ReadonlyArray<string>): CgroupDef =>
  CgroupDef.named([ctx.cgroupName(index), ...inner].join("/")).swappable(true)

/**
 * @since 0.1.0
 * @category scenarios
 */
export const nested: ReadonlyArray<Scenario> = [
  scenario({
    name: "steady",
    description: "three cgroups with two nested ones of spinning workers each",
    build: (ctx) =>
      executeDefs(
        ctx,
        [0, 1, 2].flatMap((index) => ["a", "b"].map((inner) => below(ctx, index, inner)))
      )
  }),
  scenario({
    name: "deep",
    description: "a cgroup five levels down competes with one at the top",
    build: (ctx) => executeDefs(ctx, [below(ctx, 0, "a", "b", "c", "d"), below(ctx, 1)])
  }),
  scenario({
    name: "cpuset",
    description: "nested cgroups whose own cpusets reach beyond their parent's, which holds them",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.new([], HoldSpec.FULL)],
        { isolation: true },
        Backdrop.withDefs([
          below(ctx, 0, "a"),
          below(ctx, 0, "b").withCpuset(CpusetSpec.Range(0, 1)),
          below(ctx, 1, "a")
        ]).setOps([
          ...[0, 1].flatMap((index) => [
            Op.AddCgroup(ctx.cgroupName(index)),
            Op.SetCpuset(ctx.cgroupName(index), CpusetSpec.Disjoint(index, 2))
          ])
        ])
      )
  }),
  scenario({
    name: "imbalance",
    description: "one parent with a crowded and a small nested cgroup, another with a single worker",
    build: (ctx) =>
      judged(ctx, unevenlyPlaced, [
        below(ctx, 0, "crowded").workers(perCpu(ctx, 3)),
        below(ctx, 0, "small").workers(1),
        below(ctx, 1, "small").workers(1)
      ])
  }),
  scenario({
    name: "churn",
    description: "in one parent a nested cgroup is removed and made anew, with a worker, every 100 ms",
    build: (ctx) => {
      const brief = `${ctx.cgroupName(0)}/brief`
      const anew = [Op.StopCgroup(brief), Op.RemoveCgroup(brief), Op.AddCgroup(brief), Op.Spawn(brief, { workers: 1 })]
      return executeStepsWith(
        ctx,
        [Step.new(anew, HoldSpec.Loop("100 millis")).setDefs([CgroupDef.named(brief).workers(1)])],
        ofDifferentTimes,
        Backdrop.withDefs([below(ctx, 0, "steady"), below(ctx, 1, "steady")])
      )
    }
  }),
  scenario({
    name: "move",
    description: "all workers of a nested cgroup move down into another, and up to the root cgroup",
    build: (ctx) => {
      const [from, to] = [`${ctx.cgroupName(0)}/a`, `${ctx.cgroupName(1)}/a/b`]
      return executeStepsWith(
        ctx,
        [
          Step.new([], third).named("at home"),
          Step.new([Op.MoveAllTasks(from, to)], third).named("further down"),
          Step.new([Op.MoveAllTasks(to, "")], third).named("in the root")
        ],
        {},
        Backdrop.withDefs([CgroupDef.named(from).swappable(true)]).setOps([Op.AddCgroup(to)])
      )
    }
  }),
  scenario({
    name: "noController",
    description: "nested cgroups without any controller: names only, and nothing to tell them apart",
    build: (ctx) =>
      executeDefs(
        ctx,
        [0, 1].map((index) => below(ctx, index, "a").withControllers([]))
      )
  })
]
