// `ktstr run --host`, in level 1 of the lab: a machine with cgroup v2 whose cgroups the tests may do with as they like.
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { findCgroupMount } from "@ktstr/core/machine"
import { Effect, Either } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none, root } from "./ktstr.ts"
import { type Level1, startLevel1 } from "./lab/Level1.ts"

const bin = join(root, "cli/ktstr.js")
/** Emulated, on a machine that others use as well: how long workers wait says nothing. */
const patient = "--max-gap-ms 120000 --max-spread-pct 100"

describe("where there is no cgroup v2 with cpuset", () => {
  it("refuses in one line", async (context) => {
    const mount = await Effect.runPromise(Effect.either(findCgroupMount()).pipe(Effect.provide(NodeContext.layer)))
    if (Either.isRight(mount)) context.skip(`this machine has one, ${mount.right}`)
    const { code, stderr, stdout } = await ktstr(["run", "steady", "--host"])
    expect(code).toBe(69)
    expect(stdout).toBe("")
    expect(stderr).toMatch(/^ktstr: [^\n]*cgroup v2[^\n]*or leave out --host to run in a virtual machine\n$/)
    expect(await leftovers()).toEqual(none)
  })

  it("refuses options of machines", async () => {
    const { code, stderr } = await ktstr(["run", "steady", "--host", "--topology", "1n1l1c1t"])
    expect({ code, stderr }).toEqual({
      code: 64,
      stderr: "ktstr: --topology is for virtual machines; --host runs on this machine as it is: give one of them\n"
    })
  })
})

describe("on a machine with cgroup v2", { timeout: 300_000 }, () => {
  let level1: Level1 | undefined
  // Two CPUs, so that there is something to confine workers to; nothing runs in a guest of it.
  beforeAll(async () => {
    level1 = await startLevel1({ cpus: 2, memoryMb: 2048 })
  }, 300_000)
  afterAll(() => level1?.stop())

  const shell = (script: string, cwd = root, timeoutMs = 290_000) =>
    level1!.run(["sh", "-c", `ktstr() { node ${bin} "$@"; }\n${script}`], { cwd, timeoutMs })

  /** Everything there is below the mount, and what it hands down. */
  const state = "{ find /sys/fs/cgroup -type d | sort; cat /sys/fs/cgroup/cgroup.subtree_control; }"

  it("runs data and programs, with topology, scheduler and clock of this machine, and leaves its cgroups as they were", async () => {
    const run = `ktstr run steady cpusetApply program --host --duration 1 --format json ${patient}`
    // cpuset is not handed down before, so it must be switched on, and off again.
    const script = `echo -cpuset > /sys/fs/cgroup/cgroup.subtree_control; ${state} > /tmp/before
      ${run}; code=$?; ${state} > /tmp/after; cmp /tmp/before /tmp/after && same=$code
      echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control; exit \${same:-98}`
    const { code, stdout, stderr } = await shell(script, join(root, "test/fixtures/host"))
    expect(stderr).toBe("")
    const { runs } = JSON.parse(stdout)
    expect(runs.map(({ scenario, outcome, details }: Record<string, unknown>) => [scenario, outcome, details])).toEqual(
      [
        ["steady", "pass", []],
        ["cpusetApply", "pass", []],
        ["program", "pass", []]
      ]
    )
    for (const run of runs) {
      expect(run).toMatchObject({
        backend: "host",
        clock: "host",
        scheduler: "eevdf",
        topology: { requested: "this host" }
      })
      expect(run.topology.guest.summary).toBe("1n1l2c1t")
      expect(run.kernel.release).toMatch(/^6\.12\./)
      for (const { workers } of run.cgroups) {
        for (const worker of workers) expect(worker).toMatchObject({ completed: true, policy: 0 })
      }
    }
    const counts = runs.map(({ cgroups }: { cgroups: Array<{ name: string; workers: Array<unknown> }> }) =>
      cgroups.map(({ name, workers }) => [name, workers.length])
    )
    const two = [
      ["cg_0", 2],
      ["cg_1", 2]
    ]
    expect(counts).toEqual([
      two,
      two,
      [
        ["cg_0", 2],
        ["/", 1]
      ]
    ])
    expect(runs[1].cgroups.map(({ cpuset }: { cpuset: string }) => cpuset)).toEqual(["0", "1"])
    expect(code).toBe(0)
  })

  /**
   * Starts a run that would take long, waits for its workers, does something to it, and tells what is left. In the shell's own words: each
   * program started here takes its time from the run.
   */
  const ended = (
    what: string,
    how: { readonly scenario?: string; readonly cwd?: string; readonly before?: string; readonly after?: string } = {}
  ) =>
    shell(
      `${how.before ?? ""}
      ${state} > /tmp/before
      node ${bin} run ${how.scenario ?? "steady"} --host --workers 1 --duration 1000 ${patient} > /tmp/out 2>&1 & cli=$!
      worker=
      until [ -n "$worker" ]; do
        kill -0 $cli 2>/dev/null || { cat /tmp/out; exit 99; }
        for procs in /sys/fs/cgroup/ktstr-*/[!k]*/cgroup.procs; do [ -e "$procs" ] && read -r worker < "$procs" && break; done
        sleep 0.3
      done
      agent=\${procs#*ktstr-}; agent=\${agent%%/*}
      ${what}
      wait $cli; code=$?
      while [ -e /proc/$agent ] || [ -e /proc/$worker ]; do sleep 0.3; done
      ${how.after ?? ""}
      ${state} > /tmp/after; cmp /tmp/before /tmp/after && echo clean
      tail -n 20 /tmp/out >&2; exit $code`,
      how.cwd ?? "/"
    )

  it.each([
    ["Ctrl-C in a program", "kill -INT $cli", 130, { scenario: "program", cwd: join(root, "test/fixtures/host") }],
    ["SIGTERM", "kill -TERM $cli", 143, {}],
    ["SIGKILL of the command", "kill -KILL $cli", 137, {}]
  ])("%s leaves no worker and no cgroup", async (_, what, code, how) => {
    expect(await ended(what, how)).toMatchObject({ code, stdout: "clean\n" })
  })

  it("tells that the agent was killed, and cleans up after it", async () => {
    // What the agent had to switch on is off again, too.
    const control = "/sys/fs/cgroup/cgroup.subtree_control"
    const result = await ended("kill -KILL $agent", { before: `echo -cpuset > ${control}` })
    await shell(`echo +cpuset > ${control}`)
    expect(result).toMatchObject({ code: 1, stdout: "clean\n" })
    expect(result.stderr).toMatch(/FAIL steady: the agent on this host was killed by SIGKILL/)
  })

  it("tells that the agent was asked to end", async () => {
    const result = await ended("kill -TERM $agent")
    expect(result).toMatchObject({ code: 1, stdout: "clean\n" })
    expect(result.stderr).toMatch(/FAIL steady: HOLD: Interrupted system call: the agent was asked to end by signal 15/)
  })

  it("leaves cgroups when both were killed at once, which ktstr cleanup removes; not those of a run that goes on, or of others", async () => {
    const foreign = "/sys/fs/cgroup/ktstr-123"
    const result = await ended("ktstr cleanup; kill -KILL $cli $agent", {
      before: `mkdir ${foreign}; sleep 1000 < /dev/null > /dev/null 2>&1 & sleeper=$!; echo $sleeper > ${foreign}/cgroup.procs`,
      after: `ktstr cleanup; kill -0 $sleeper && echo sleeps; grep -qx $sleeper ${foreign}/cgroup.procs && echo stays`
    })
    await shell(`read -r pid < ${foreign}/cgroup.procs; kill -KILL $pid; sleep 1; rmdir ${foreign}`)
    expect(result).toMatchObject({ code: 137, stdout: expect.stringMatching(/sleeps\nstays\nclean\n$/) })
    const lines = result.stdout.split("\n").filter((line) => line.includes("/sys/fs/cgroup"))
    expect(lines).toEqual([
      expect.stringMatching(/^left \/sys\/fs\/cgroup\/ktstr-\d+ \(cgroups, of process \d+, which runs\)$/),
      expect.stringMatching(/^removed \/sys\/fs\/cgroup\/ktstr-\d+ \(cgroups, of process \d+\)$/)
    ])
  })

  it("refuses in one line whom the cgroups do not belong to", async () => {
    const { code, stderr } = await shell(
      `setpriv --reuid 65534 --regid 65534 --clear-groups node ${bin} run --host`,
      "/"
    )
    expect(stderr).toBe(
      "ktstr: no right to make cgroups in /sys/fs/cgroup: run it as root, or leave out --host to run in a virtual machine\n"
    )
    expect(code).toBe(69)
  })
})
