import { describe, expect, it } from "vitest"
import { isKernelScheduler, kernelScheduler, otherKernelScheduler } from "../../src/kernel/KernelScheduler.ts"

describe("the kernel's own scheduler", () => {
  it.each([
    ["6.1.0-40-amd64", "cfs"],
    ["5.14.0-503.el9.x86_64", "cfs"],
    ["6.5.13", "cfs"],
    ["6.6.0-rc1+", "eevdf"],
    ["6.6", "eevdf"],
    ["6.12.107+deb13-amd64", "eevdf"],
    ["7.3.4+deb13-amd64", "eevdf"],
    ["10.0.1", "eevdf"],
    ["", "default"],
    ["unknown", "default"]
  ])("of %s is %s", (release, name) => {
    expect(kernelScheduler(release)).toBe(name)
    expect(isKernelScheduler(name)).toBe(true)
  })

  it("is told when another was asked for by name", () => {
    expect(otherKernelScheduler("eevdf", "6.1.0-40-amd64")).toMatch(
      /^kernel 6.1.0-40-amd64 has no EEVDF, its own scheduler is CFS /
    )
    expect(otherKernelScheduler("cfs", "6.12.1")).toContain("has no CFS, its own scheduler is EEVDF")
    for (const asked of ["cfs", "default", "scx_simple"]) {
      expect(otherKernelScheduler(asked, "6.1.0-40-amd64")).toBeUndefined()
    }
    expect(otherKernelScheduler("eevdf", "who knows")).toBeUndefined()
  })
})
