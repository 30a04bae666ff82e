// The sampler against real processes on a CPU that they share.
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import {
  type HostDelay,
  meterHostDelay,
  quotaFolders,
  schedCounters,
  stolenMs,
  threadState,
  throttledMs
} from "@ktstr/core/machine"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"

/** The first CPU that this process may use. */
const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!

const spinning = ["taskset", "-c", cpu, process.execPath, "-e", "for (;;);"] as const

/** Runs `body` beside processes, which end with it. */
const beside = async (
  commands: ReadonlyArray<ReadonlyArray<string>>,
  body: (children: ReadonlyArray<ChildProcess>) => Promise<void>
): Promise<void> => {
  const children = commands.map(([program, ...args]) => spawn(program!, args, { stdio: "ignore" }))
  try {
    await Promise.all(children.map((child) => new Promise((resolve) => child.once("spawn", resolve))))
    await body(children)
  } finally {
    for (const child of children) child.kill("SIGKILL")
  }
}

const measured = (pid: number, forMs: number): Promise<HostDelay> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(meterHostDelay({ pid, threads: [pid] }), (meter) =>
        Effect.map(Effect.sleep(forMs), () => meter.read())
      )
    )
  )

const delayOf = (delay: HostDelay): { readonly delayMs: number; readonly ofMs: number } => {
  if (delay._tag === "Unknown") throw new Error(delay.why)
  const { beganMs, endedMs } = delay.timeline
  return { delayMs: delay.timeline.between(beganMs, endedMs), ofMs: endedMs - beganMs }
}

const shareOf = (delay: HostDelay): number => {
  const { delayMs, ofMs } = delayOf(delay)
  return delayMs / ofMs
}

/** Whether this kernel counts at all: then only is there something to measure. */
const counts =
  existsSync("/proc/self/schedstat") && schedCounters(readFileSync("/proc/self/schedstat", "utf8")) !== undefined

describe("meterHostDelay", () => {
  it("finds that two spinners on one CPU keep each other waiting", async () => {
    await beside([spinning, spinning], async ([one]) => {
      const delay = await measured(one!.pid!, 1500)
      // Half the time, and more on a host with other work.
      if (counts) expect(shareOf(delay)).toBeGreaterThan(0.3)
      else expect(delay._tag).toBe("Unknown")
    })
  })

  it("agrees with the kernel's own count, whatever else runs here", async () => {
    await beside([spinning, spinning], async ([one]) => {
      const file = `/proc/${one!.pid}/schedstat`
      const waited = () => schedCounters(readFileSync(file, "utf8"))?.waitMs
      await new Promise((resolve) => setTimeout(resolve, 300))
      const before = waited()
      const delay = await measured(one!.pid!, 1000)
      const after = waited()
      if (before === undefined || after === undefined) return expect(delay._tag).toBe("Unknown")
      const { delayMs, ofMs } = delayOf(delay)
      // Never more than there was time; of what a hypervisor took the kernel's count of the thread knows nothing.
      expect(delayMs).toBeGreaterThan(0.6 * Math.min(after - before, ofMs) - 50)
    })
  })

  it("finds no delay in a process that sleeps", async () => {
    await beside([["sleep", "60"]], async ([sleeper]) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      const delay = await measured(sleeper!.pid!, 1000)
      if (counts) expect(shareOf(delay)).toBeLessThan(0.5)
      else expect(delay._tag).toBe("Unknown")
    })
  })

  it("counts a process that is stopped as one that waits", async () => {
    await beside([["sleep", "60"]], async ([sleeper]) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      sleeper!.kill("SIGSTOP")
      const delay = await measured(sleeper!.pid!, 1000)
      if (counts) expect(shareOf(delay)).toBeGreaterThan(0.8)
      else expect(delay._tag).toBe("Unknown")
    })
  })

  it("says that nothing is known of threads that it can't see", async () => {
    expect(await measured(2 ** 30, 10)).toMatchObject({ _tag: "Unknown", why: expect.stringContaining("schedstat") })
    const without = await Effect.runPromise(
      Effect.scoped(Effect.map(meterHostDelay({ pid: process.pid, threads: [] }), (meter) => meter.read()))
    )
    expect(without._tag).toBe("Unknown")
  })
})

describe("what the kernel writes", () => {
  it("is read, and zeroes are no count", () => {
    expect(schedCounters("41000000 2500000 7\n")).toEqual({ cpuMs: 41, waitMs: 2.5 })
    expect(schedCounters("0 0 0\n")).toBeUndefined()
    expect(schedCounters("")).toBeUndefined()
  })

  it("is read behind any name of a thread", () => {
    const rest = Array.from({ length: 50 }, (_, at) => String(at + 4))
    rest[35] = "3"
    expect(threadState(`12 (a) R b) T ${rest.join(" ")}`)).toEqual({ state: "T", cpu: 3 })
  })

  it("tells of stolen time by CPU", () => {
    const text = "cpu  1 2 3 4 5 6 7 30 9 10\ncpu0 1 2 3 4 5 6 7 10 9 10\ncpu12 1 2 3 4 5 6 7 20 9 10\nintr 1\n"
    expect([...stolenMs(text)]).toEqual([
      [0, 100],
      [12, 200]
    ])
  })

  it("tells of quotas in both versions of cgroups", () => {
    expect(quotaFolders("0::/a/b\n")).toEqual(
      expect.arrayContaining(["/sys/fs/cgroup", "/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"])
    )
    expect(quotaFolders("4:cpu,cpuacct:/x\n3:memory:/y\n")).toEqual(
      expect.arrayContaining(["/sys/fs/cgroup/cpu,cpuacct/x", "/sys/fs/cgroup/cpu/x"])
    )
    expect(quotaFolders("3:memory:/y\n")).toEqual([])
    expect(throttledMs("nr_throttled 3\nthrottled_usec 2500\n")).toBe(2.5)
    expect(throttledMs("nr_throttled 3\nthrottled_time 2500000\n")).toBe(2.5)
    expect(throttledMs("usage_usec 1\n")).toBe(0)
  })
})
