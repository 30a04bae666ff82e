// The machine is the requested one from start to end, or the run says so and does not pass. In virtual time.
import { CgroupDef, executeSteps, HoldSpec, Op, type Scenario, Step } from "@ktstr/core"
import { describe, expect, inject, it } from "vitest"
import { runSteps, script } from "./scenarioRun.ts"

const spinning: Scenario["build"] = (ctx) =>
  executeSteps(ctx, [Step.withDefs([CgroupDef.named("cg_0").workers(2)], HoldSpec.FULL)])

/** Takes the last of four CPUs offline halfway, and brings it back if requested. */
const unplugging =
  (back: boolean): Scenario["build"] =>
  (ctx) => {
    const at = "/sys/devices/system/cpu/cpu3/online"
    const text = `$B sleep 0.3; echo 0 > ${at}; $B sleep 0.3; ${back ? `echo 1 > ${at}` : "true"}`
    return executeSteps(ctx, [Step.new([Op.AddCgroup("cg_0"), Op.Spawn("cg_0", script(text))], HoldSpec.FULL)])
  }

const run = (options: {
  readonly topology: string
  readonly build?: Scenario["build"]
  readonly kargs?: ReadonlyArray<string>
  readonly cpuHotplug?: boolean
}) =>
  runSteps({
    durationMs: 1500,
    kernel: inject("kernel").image,
    build: spinning,
    assert: { notStarved: false },
    ...options
  })

describe("a guest that comes up with less than was asked for", () => {
  it.each([
    ["nosmt", "1n2l2c2t", "4 CPUs (0,2,4,6), 2 LLCs, 1 NUMA node, 1 thread per core"],
    ["maxcpus=3", "1n2l2c1t", "3 CPUs (0-2), 2 LLCs, 1 NUMA node, 1 thread per core"],
    ["numa=off", "2n2l2c1t", "4 CPUs, 2 LLCs, 1 NUMA node, 1 thread per core"]
  ])("by %s is inconclusive", async (word, topology, came) => {
    const { result } = await run({ topology, kargs: [word] })
    expect(result.outcome).toBe("inconclusive")
    expect(result.details[0]).toMatch(new RegExp(`^asked for ${topology}: `))
    expect(result.details[0]).toContain(`the guest came up with ${came}; see the kernel argument ${word}`)
  })

  it("passes with a warning when the test means it", async () => {
    const { result } = await run({ topology: "1n2l2c1t", kargs: ["maxcpus=3"], cpuHotplug: true })
    expect([result.outcome, result.details]).toEqual(["pass", []])
    expect(result.warnings).toContainEqual(expect.stringContaining("came up with 3 CPUs (0-2)"))
  })

  it("passes with all that was asked for", async () => {
    const { result } = await run({ topology: "1n2l2c2t" })
    expect([result.outcome, result.details, result.warnings]).toEqual(["pass", [], []])
  })
})

describe("a guest that loses a CPU", () => {
  it("for good is inconclusive", async () => {
    const { result } = await run({ topology: "1n2l2c1t", build: unplugging(false) })
    expect(result.outcome).toBe("inconclusive")
    expect(result.details[0]).toMatch(/^the machine lost CPUs 3 .* ended with 0-2 \(cpu3 offline at \+\d+ms\)/)
  })

  it("for a time is inconclusive", async () => {
    const { result } = await run({ topology: "1n2l2c1t", build: unplugging(true) })
    expect(result.outcome).toBe("inconclusive")
    expect(result.details[0]).toMatch(/lost CPUs for a time .*\(cpu3 offline at \+\d+ms, cpu3 online at \+\d+ms\)/)
  })

  it("on purpose passes with a warning", async () => {
    const { result } = await run({ topology: "1n2l2c1t", build: unplugging(false), cpuHotplug: true })
    expect([result.outcome, result.details]).toEqual(["pass", []])
    expect(result.warnings).toContainEqual(expect.stringContaining("the machine lost CPUs 3"))
  })
})
