import { perturb } from "@ktstr/core/plan"
import { Command } from "@ktstr/core/protocol"
import { describe, expect, it } from "vitest"

const worker = (index: number) => ({
  index,
  affinity: undefined,
  policy: 0,
  priority: 0,
  nice: 0,
  memPolicy: undefined
})

const plan: ReadonlyArray<Command> = [
  Command.StepBegin({ index: 0, count: 1, label: "one" }),
  Command.CgroupCreate({ path: "a", controllers: ["cpu"] }),
  Command.Spawn({
    group: 3,
    cgroup: "a",
    label: "SpinWait",
    groupSize: 1,
    channels: 0,
    program: new Uint8Array(),
    workers: [worker(0), worker(1)]
  }),
  Command.Start({ groups: [3] }),
  Command.Hold({ ns: 1e9 }),
  Command.CgroupWrite({ path: "a", file: "cpuset.cpus", value: "0" }),
  Command.Stop({ groups: [3] }),
  Command.StepEnd({ index: 0 }),
  Command.End()
]

const added = (commands: ReadonlyArray<Command>) => commands.filter((command) => !plan.includes(command))

describe("perturb", () => {
  it("leaves the plan as it is under seed 0", () => {
    expect(perturb(plan, 0, 4)).toEqual({ commands: plan, perturbation: undefined })
  })

  it("is a function of plan, seed and CPUs", () => {
    expect(perturb(plan, 7, 4)).toEqual(perturb(plan, 7, 4))
    const all = Array.from({ length: 200 }, (_, seed) => JSON.stringify(added(perturb(plan, seed + 1, 4).commands)))
    expect(new Set(all).size).toBe(200)
  })

  it("keeps the plan's commands in their order, and tells all that it added", () => {
    const { commands, perturbation } = perturb(plan, 7, 4)
    expect(commands.filter((command) => plan.includes(command))).toEqual(plan)
    expect(commands[0]).toEqual(Command.Interrupts({ seed: 7, meanNs: perturbation!.interruptsMeanNs }))
    expect(perturbation!.startOffsetsNs).toEqual([{ group: 3, ns: [expect.any(Number), expect.any(Number)] }])
    expect(perturbation!.pausesNs.map(({ command }) => plan[command]!._tag)).toEqual(["Start", "CgroupWrite", "Stop"])
    const start = commands.findIndex((command) => command._tag === "Start")
    expect(commands.slice(start - 2, start).map((command) => command._tag)).toEqual(["StartOffsets", "Hold"])
  })

  it("stays within its bounds, and interrupts all CPUs together 500 to 4000 times a second", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { perturbation } = perturb(plan, seed, 8)
      const rate = (1e9 * 8) / perturbation!.interruptsMeanNs
      expect(rate).toBeGreaterThanOrEqual(499)
      expect(rate).toBeLessThanOrEqual(4001)
      for (const { ns } of perturbation!.startOffsetsNs) for (const n of ns) expect(n).toBeLessThan(8_000_000)
      for (const { ns } of perturbation!.pausesNs) expect(ns).toBeLessThanOrEqual(8_000_000)
    }
  })
})
