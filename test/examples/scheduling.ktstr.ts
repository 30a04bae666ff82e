// Five tests of the kernel's own scheduler: `npx ktstr test test/examples`, or plain vitest with the plugin of
// `@ktstr/vitest/plugin` in its configuration.
import { CgroupDef, CpusetSpec, HoldSpec, Op, Step, WorkProgram, WorkType } from "@ktstr/core"
import { ktstrTest } from "@ktstr/vitest"

// Two processes of a pair wake each other through a pipe; every pair gets on.
ktstrTest("pipe partners wake each other", { cores: 2, durationS: 1, minIterationRate: 10 }, () => [
  Step.withDefs([CgroupDef.named("pipes").workType("PipeIo").workers(4)], HoldSpec.FULL)
])

// One cgroup per LLC: no worker may run on the other's CPUs.
ktstrTest("cpusets hold their workers", { llcs: 2, cores: 2, durationS: 1, isolation: true }, (ctx) => [
  Step.withDefs(
    ctx.topo.llcs.map((llc) => CgroupDef.named(ctx.cgroupName(llc.index)).withCpuset(CpusetSpec.Llc(llc.index))),
    HoldSpec.FULL
  )
])

// A work type of one's own is a program, not code in the guest: a burst every millisecond, as a game's or an audio's thread.
const ticker = WorkType.custom(
  "Ticker",
  WorkProgram.make({ body: [WorkProgram.spin(20_000), WorkProgram.sleep("1 millis")] })
)

ktstrTest("a ticking thread gets on beside spinners", { cores: 2, durationS: 1, minIterationRate: 20 }, () => [
  Step.withDefs([CgroupDef.named("ticker").workType(ticker).workers(1), CgroupDef.named("spinners")], HoldSpec.FULL)
])

// Cgroups come and go between steps, while another one stays.
ktstrTest("a cgroup comes and goes", { cores: 2, durationS: 2 }, () => [
  Step.new([Op.AddCgroup("guest"), Op.Spawn("guest", { workers: 1 })], HoldSpec.Frac(0.5)).setDefs([
    CgroupDef.named("host").workers(1)
  ]),
  Step.new([], HoldSpec.Frac(0.5)).setDefs([CgroupDef.named("later").workers(2)])
])

// Must fail: on one CPU a worker at nice 19 gets next to nothing beside one at nice 0.
ktstrTest(
  "nice 19 starves beside nice 0",
  { topology: "1n1l1c1t", durationS: 1, maxSpreadPct: 15, expectError: /unfair cgroup: spread=/ },
  () => [Step.withDefs([CgroupDef.named("unfair").workers(1).work({ workers: 1, nice: 19 })], HoldSpec.FULL)]
)
