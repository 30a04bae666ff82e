// A payload that takes all of a guest's memory: the kernel kills it, and its own words for that are in the result.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { executeSteps, HoldSpec, Op, Payload, Step } from "@ktstr/core"
import { Duration } from "effect"
import { afterAll, describe, expect, inject, it } from "vitest"
import { runSteps } from "./scenarioRun.ts"

const folder = mkdtempSync(join(tmpdir(), "test-oom-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a payload that the guest's OOM killer ends", () => {
  it("fails with the kernel's line", { timeout: 400_000 }, async () => {
    const file = join(folder, "hog")
    const grow = `BEGIN { while (1) a[n++] = sprintf("%4000d", n) }`
    writeFileSync(file, `#!/bin/busybox sh\necho growing\nexec /bin/busybox awk '${grow}'\n`)
    chmodSync(file, 0o755)
    const hog = Payload.make("hog", { binary: file })
    const { result } = await runSteps({
      topology: "1n1l1c1t",
      durationMs: 1000,
      memoryMb: 256,
      kernel: inject("kernel").image,
      build: (ctx) =>
        executeSteps(ctx, [
          Step.new([Op.RunPayload(hog), Op.WaitPayload(hog, { timeout: Duration.seconds(60) })], HoldSpec.Fixed(0))
        ])
    })
    expect(result.outcome).toBe("fail")
    expect(result.payloads[0]?.end).toMatchObject({ kind: "Signaled", signal: 9 })
    expect(result.details[0]).toMatch(
      /^payload hog died of signal 9 \(SIGKILL\): growing; the kernel's log: Out of memory: Killed process \d+ \(busybox\) total-vm:\d+kB, /
    )
  })
})
